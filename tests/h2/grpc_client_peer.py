"""A gRPC client for grpc_server_peer.py, behind a relay of ours. Usage: grpc_client_peer.py PORT.

Prints one JSON object with what every kind of call brought.
"""

import json
import sys
import threading

import grpc

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
result = {}


def status(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return ["OK", ""]


answer, call = channel.unary_unary("/test/unary").with_call(b"hello", metadata=(("x-mine", "0"),))
result["unary"] = answer.decode()
result["initial"] = dict(call.initial_metadata()).get("x-initial")
trailing = dict(call.trailing_metadata())
result["trailing"] = [trailing["x-trailing"], trailing["x-binary-bin"].hex()]

large = bytes(1_000_000)
result["large"] = len(channel.unary_unary("/test/unary")(large))
result["collect"] = len(channel.stream_unary("/test/collect")(iter([b"x" * 1000] * 500)))
result["count"] = [int(each) for each in channel.unary_stream("/test/count")(b"300")] == list(range(300))

# Each message is sent only when the one before has come back: both directions are open at once.
turn = threading.Semaphore(1)


def words():
    for word in (b"one", b"two", b"three"):
        turn.acquire()
        yield word


heard = []
for message in channel.stream_stream("/test/talk")(words()):
    heard.append(message.decode())
    turn.release()
result["talk"] = heard

result["fail"] = status(lambda: channel.unary_unary("/test/fail")(b""))
result["unknown"] = status(lambda: channel.unary_unary("/test/unknown")(b""))[0]
result["deadline"] = status(lambda: channel.unary_unary("/test/hang")(b"", timeout=0.3))[0]

hanging = channel.unary_unary("/test/hang").future(b"")
threading.Timer(0.3, hanging.cancel).start()
try:
    hanging.result()
except grpc.FutureCancelledError:
    result["cancel"] = "CANCELLED"

calls = [channel.unary_unary("/test/unary").future(str(n).encode()) for n in range(200)]
result["many"] = [int(each.result()) for each in calls] == list(range(200))
print(json.dumps(result))
