"""A gRPC server with the health service of grpc.health.v1, without compiled messages. Usage: FILE. Prints its port.

This file must not be called grpc_health: the library imports a module of that name.

It is SERVING (1) unless there is a file at that path, and NOT_SERVING (2) then. Services but "app" are unknown.
"""

import os
import sys
from concurrent import futures

import grpc


class Health(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.check)

    def check(self, message, context):
        name = message[2:].decode() if message else ""
        if name not in ("", "app"):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return bytes([8, 2 if os.path.exists(sys.argv[1]) else 1])


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers((Health(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
