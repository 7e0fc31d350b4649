/**
 * A gRPC server and a gRPC client that people use (python3-grpcio), for what is between them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A script of the server, which prints its port first. */
export const GRPC_SERVER = fileURLToPath(new URL("grpc_server.py", import.meta.url));
/** A script of the client; its beginning describes its arguments. */
export const GRPC_CLIENT = fileURLToPath(new URL("grpc_client.py", import.meta.url));

/** What the client prints, as JSON, when every kind of call has passed. */
export const EVERY_CALL = {
  unary: "HELLO",
  initial: "1",
  trailing: ["2", "00ff"],
  large: 1_000_000,
  collect: 500_000,
  count: true,
  talk: ["one", "two", "three"],
  fail: ["FAILED_PRECONDITION", "not now \u00e9"],
  unknown: "UNIMPLEMENTED",
  deadline: "DEADLINE_EXCEEDED",
  cancel: "CANCELLED",
  many: true,
};

/** A script of a server with the health service, which prints its port first. */
export const GRPC_HEALTH = fileURLToPath(new URL("health_server.py", import.meta.url));
