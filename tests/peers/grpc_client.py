"""A gRPC client of grpc_server.py, behind what is to be tested. Usage: PORT [ROOT_CERTIFICATE [CALL]].

Speaks TLS when it is given a root certificate. Without CALL it makes every kind of call and prints one JSON
object with what they brought. `CALL` makes one call without a time limit, prints `began` before it, and its
status behind it.
"""

import json
import sys
import threading

import grpc

if len(sys.argv) > 2:
    with open(sys.argv[2], "rb") as file:
        credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
    channel = grpc.secure_channel(f"localhost:{sys.argv[1]}", credentials)
else:
    channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
result = {}


def status(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return ["OK", ""]


if len(sys.argv) > 3:
    print("began", flush=True)
    print(status(lambda: channel.unary_unary(sys.argv[3])(b""))[0], flush=True)
    sys.exit()

metadata = (("x-mine", "0"), ("x-mine-bin", b"\x00\xff"))
answer, call = channel.unary_unary("/test/unary").with_call(b"hello", metadata=metadata)
result["unary"] = answer.decode()
result["initial"] = dict(call.initial_metadata()).get("x-initial")
trailing = dict(call.trailing_metadata())
result["trailing"] = [trailing["x-trailing"], trailing["x-binary-bin"].hex()]

result["large"] = len(channel.unary_unary("/test/unary")(bytes(1_000_000)))
result["collect"] = len(channel.stream_unary("/test/collect")(iter([b"x" * 1000] * 500)))
counted = channel.unary_stream("/test/count")(b"300")
result["count"] = [int(each) for each in counted] == list(range(300))

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
