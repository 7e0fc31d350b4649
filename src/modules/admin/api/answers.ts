/** How outcomes become answers (spec 06 part A2). @module */
import type { HttpExchange } from "../../../http/exchange.ts";
import { Fields } from "../../../http/fields.ts";
import type { Outcome } from "../calls.ts";

/** Most bytes of an answer; a longer one is an error of the gateway. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Most characters of the text of an error. */
const MAX_ERROR_CHARS = 4096;

const encoder = new TextEncoder();

/**
 * Answers with what an endpoint's operation came to.
 *
 * @returns Why the answer is a fault, for the log; nothing for one that is as it was asked for.
 */
export function answerOutcome(
  exchange: HttpExchange,
  { status, body }: Outcome,
): string | undefined {
  const { error } = body;
  const isLong = typeof error === "string" && error.length > MAX_ERROR_CHARS;
  const shown = isLong ? { ...body, error: `${error.slice(0, MAX_ERROR_CHARS)}...` } : body;
  const bytes = encoder.encode(JSON.stringify(shown));
  if (bytes.length > MAX_BODY_BYTES) {
    answerFault(exchange);
    return `the answer has ${bytes.length} bytes, which is more than ${MAX_BODY_BYTES}`;
  }
  write(exchange, status, bytes, "application/json");
  return undefined;
}

/** Refuses a request with a code and nothing else. */
export function refuse(exchange: HttpExchange, status: number, code: string): void {
  write(exchange, status, encoder.encode(JSON.stringify({ error: code })), "application/json");
}

/** Says that the gateway has failed; why is in the log. */
export function answerFault(exchange: HttpExchange): void {
  const body = JSON.stringify({ status: "error", error: "internal_error" });
  write(exchange, 500, encoder.encode(body), "application/json");
}

/** Answers the health endpoint. */
export function answerHealth(exchange: HttpExchange, response: "status" | "minimal"): void {
  if (response === "minimal") return write(exchange, 204, undefined, "application/octet-stream");
  write(exchange, 200, encoder.encode('{"status":"ok"}'), "application/json");
}

function write(
  exchange: HttpExchange,
  status: number,
  body: Uint8Array | undefined,
  type: string,
): void {
  exchange.status = status;
  exchange.response = Fields.of(
    ["content-type", type],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
  );
  exchange.responseBody = body;
}
