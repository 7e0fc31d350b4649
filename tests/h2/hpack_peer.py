"""The other half of hpack_differential_test.ts: the python3-h2 implementation of HPACK.

One JSON object a line on standard input, one a line on standard output:
  {"encode": [[name, value, sensitive], ...], "huffman": bool, "size": int or null} -> {"wire": hex}
  {"reset": true} -> {} and both start anew
  {"decode": hex} -> {"fields": [[name, value], ...]} or {"error": text}
"""

import json
import sys

import hpack



def pair():
    decoder = hpack.Decoder()
    decoder.max_header_list_size = 1 << 24
    return hpack.Encoder(), decoder


encoder, decoder = pair()
for line in sys.stdin:
    order = json.loads(line)
    if "reset" in order:
        encoder, decoder = pair()
        answer = {}
    elif "encode" in order:
        if order["size"] is not None:
            encoder.header_table_size = order["size"]
        fields = [
            (name.encode("latin-1"), value.encode("latin-1"), sensitive)
            for name, value, sensitive in order["encode"]
        ]
        answer = {"wire": encoder.encode(fields, huffman=order["huffman"]).hex()}
    else:
        try:
            fields = decoder.decode(bytes.fromhex(order["decode"]), raw=True)
            answer = {
                "fields": [[n.decode("latin-1"), v.decode("latin-1")] for n, v in fields]
            }
        except hpack.HPACKError as error:
            answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
