"""A gRPC server with the four kinds of call, without compiled messages. Usage: [CERTIFICATE KEY]. Prints its port.

Speaks TLS when it is given a certificate. Messages are bytes. `unary` gives its message back in capitals, with initial and trailing metadata;
`collect` joins a stream; `count` answers N with N messages; `talk` gives each message back;
`fail` ends with a status; `hang` prints `hanging`, never answers, and prints `cancelled` when its client has gone.
"""

import sys
import threading
from concurrent import futures

import grpc


class Calls(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        return {
            "unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "collect": grpc.stream_unary_rpc_method_handler(self.collect),
            "count": grpc.unary_stream_rpc_method_handler(self.count),
            "talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "hang": grpc.unary_unary_rpc_method_handler(self.hang),
        }.get(name)

    def unary(self, message, context):
        context.send_initial_metadata((("x-initial", "1"),))
        context.set_trailing_metadata((("x-trailing", "2"), ("x-binary-bin", b"\x00\xff")))
        return message.upper()

    def collect(self, messages, context):
        return b"".join(messages)

    def count(self, message, context):
        for number in range(int(message)):
            yield str(number).encode()

    def talk(self, messages, context):
        yield from messages

    def fail(self, message, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now \u00e9")

    def hang(self, message, context):
        gone = threading.Event()
        context.add_callback(gone.set)
        print("hanging", flush=True)
        gone.wait(10)
        print("cancelled", flush=True)
        return b""


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
server.add_generic_rpc_handlers((Calls(),))
if len(sys.argv) > 2:
    with open(sys.argv[1], "rb") as certificate, open(sys.argv[2], "rb") as key:
        pair = (key.read(), certificate.read())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
