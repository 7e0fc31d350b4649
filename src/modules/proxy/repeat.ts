/**
 * The one rule on sending a request to an upstream once more.
 *
 * @module
 */
import { ClientError } from "../../http/client.ts";

/** Methods that mean the same however often they arrive (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

/** Whether a request with `method` may arrive twice. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/**
 * Whether a request that failed with `error` may be sent again. An upstream that executes a request and ends
 * the connection without an answer looks like one whose connection was dead before, so what is not idempotent
 * is repeated only when it provably was not processed: nothing was sent, or the upstream says so (GOAWAY,
 * REFUSED_STREAM). RFC 9110 section 9.2.2, RFC 9113 section 8.7.
 */
export function mayRepeat(error: unknown, method: string): boolean {
  if (!(error instanceof ClientError)) return false;
  switch (error.stage) {
    case "unsent":
    case "refused":
      return true;
    case "unanswered":
      return IDEMPOTENT.has(method);
    case "connect":
    case "response":
      return false;
  }
}
