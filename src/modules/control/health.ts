/**
 * Answers of the health endpoints: `/livez` says that the process runs, `/readyz` and `/healthz` whether
 * requests should be sent to it.
 *
 * @module
 */
import type { ProcessState } from "../../gateway/threads/service.ts";
import type { HttpExchange } from "../../http/exchange.ts";
import { Fields } from "../../http/fields.ts";
import { type HostRule, isOwnHost } from "./listeners.ts";

const encoder = new TextEncoder();

/** Answers one request. */
export function answerHealth(
  exchange: HttpExchange,
  state: ProcessState,
  rule: HostRule,
): void {
  if (!isOwnHost(exchange, rule)) {
    return answer(exchange, 421, "the host is no name of this listener\n");
  }
  const isLiveness = exchange.path === "/livez";
  if (!isLiveness && exchange.path !== "/readyz" && exchange.path !== "/healthz") {
    return answer(exchange, 404, "not found\n");
  }
  if (exchange.method !== "GET" && exchange.method !== "HEAD") {
    answer(exchange, 405, "method not allowed\n");
    return exchange.response.append("allow", "GET, HEAD");
  }
  const status = isLiveness || state.phase === "ready" ? 200 : 503;
  if (prefersJson(exchange)) {
    const { phase, reason } = state;
    const body = JSON.stringify({ state: phase, ...(reason === "" ? {} : { reason }) }) + "\n";
    return answer(exchange, status, body, "application/json");
  }
  const reason = state.reason === "" ? "" : `: ${state.reason}`;
  answer(exchange, status, `${state.phase}${reason}\n`);
}

/** Answers with a short text that no cache keeps. */
export function answer(
  exchange: HttpExchange,
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
): void {
  exchange.status = status;
  exchange.response = Fields.of(
    ["content-type", type],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
  );
  exchange.responseBody = encoder.encode(body);
}

/** Text is for people and for probes that look at the status alone; JSON for those that ask for it. */
function prefersJson({ request }: HttpExchange): boolean {
  return request.get("accept")?.toLowerCase().includes("application/json") === true;
}
