"""A gRPC server with the health service of grpc.health.v1, without compiled messages. Prints its port.

A line on standard input sets the status: 1 is SERVING, 2 is NOT_SERVING. Services that are not "app" are unknown.
"""

import sys
from concurrent import futures

import grpc

status = 1


class Health(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self.check)

    def check(self, message, context):
        name = message[2:].decode() if message else ""
        if name not in ("", "app"):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return bytes([8, status])


server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Health(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
for line in sys.stdin:
    status = int(line)
