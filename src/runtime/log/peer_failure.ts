/** Failures that peers cause. @module */
import { BodyError } from "../../http/body.ts";
import { ClientError } from "../../http/client.ts";

const { BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, NotConnected, UnexpectedEof } =
  Deno.errors;

/** What connections and bodies fail with when the other end goes away, breaks off or sends nonsense. */
const KINDS = [
  BodyError,
  ClientError,
  BrokenPipe,
  ConnectionAborted,
  ConnectionReset,
  Interrupted,
  NotConnected,
  UnexpectedEof,
];

/**
 * Whether `error` is a failure of one connection, which a client or an upstream can bring about. One that
 * is not handled is a fault of this program; but it must not cost the other connections their worker.
 */
export function isOfPeer(error: unknown): boolean {
  return KINDS.some((Kind) => error instanceof Kind);
}
