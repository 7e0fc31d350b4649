/**
 * Why the gateway cut an answer or a request short, for the log: what the client did, and the limit.
 *
 * @module
 */
import type { HttpExchange } from "./exchange.ts";

/** The client did not read. */
export function writeCut({ writeTimeoutMs }: HttpExchange): string {
  return `the client took nothing of it for ${seconds(writeTimeoutMs)} ` +
    "(limit: downstream_write_timeout_secs)";
}

/** The client took too long over the whole answer. */
export function totalCut({ responseTimeoutMs }: HttpExchange): string {
  return `the client had not taken all of it after ${seconds(responseTimeoutMs)} ` +
    "(limit: downstream_total_response_timeout_secs)";
}

/** The client read too slowly. */
export function rateCut({ minSendRate }: HttpExchange): string {
  return `the client took less than ${minSendRate} bytes a second of it ` +
    "(limit: downstream_min_send_rate_bytes_per_sec)";
}

/** The client stopped sending its request. */
export function bodyCut({ bodyTimeoutMs }: HttpExchange): string {
  return `the client sent nothing more of the body for ${seconds(bodyTimeoutMs)} ` +
    "(limit: downstream_read_timeout_secs)";
}

/** The gateway itself had to end. */
export const SHUTDOWN_CUT = "the gateway had to end before it was complete";

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
