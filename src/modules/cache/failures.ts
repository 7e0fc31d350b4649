/**
 * Kinds of failure of an upstream, for `stale_if_error_on` (spec 04 section 6.4).
 *
 * @module
 */
import { ClientError, READ_TIMEOUT, SEND_TIMEOUT } from "../../http/client.ts";
import { DialError } from "../../net/dial/dial_error.ts";
import type { ErrorKind } from "./policy/policy.ts";

/** Which kind `error` is. */
export function errorKind(error: unknown): ErrorKind {
  if (!(error instanceof ClientError)) return "other";
  const { stage, message, cause } = error;
  if (message === READ_TIMEOUT || message === SEND_TIMEOUT) return "timeout";
  if (cause instanceof DialError) {
    if (cause.reason === "timeout") return "timeout";
    return cause.reason.startsWith("tls") || cause.reason.includes("certificate")
      ? "tls"
      : "connect";
  }
  if (stage === "connect") return "connect";
  if (stage === "unsent" || stage === "refused" || stage === "unanswered") {
    return "connection-closed";
  }
  if (cause instanceof Deno.errors.BrokenPipe) return "write";
  if (
    cause instanceof Deno.errors.ConnectionReset || cause instanceof Error && cause.name === "Error"
  ) {
    return "connection-closed";
  }
  return cause === undefined ? "protocol" : "read";
}
