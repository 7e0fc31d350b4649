/** Times of requests to php-fpm, as the metrics and spans of upstreams have them (`Findings`). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";

/** php-fpm is about to be asked. */
export function beginTimes(exchange: Exchange): void {
  const { findings, startedAt } = exchange;
  if (startedAt !== 0 && findings.upstreamAt < 0) findings.upstreamAt = microsecondsSince(exchange);
}

/** There is an answer, or there will be none. */
export function endTimes(exchange: Exchange): void {
  const { findings, startedAt } = exchange;
  if (startedAt === 0) return;
  const now = microsecondsSince(exchange);
  findings.upstreamUs = now - findings.upstreamAt;
  if (findings.waitAt >= 0) findings.waitUs = now - findings.waitAt;
}

/** A connection is about to be made. */
export function beginConnect(exchange: Exchange | undefined): void {
  if (exchange === undefined || exchange.startedAt === 0) return;
  exchange.findings.connectAt = microsecondsSince(exchange);
}

/** It has been made. */
export function endConnect(exchange: Exchange | undefined): void {
  if (exchange === undefined || exchange.startedAt === 0) return;
  const { findings } = exchange;
  findings.connectUs = microsecondsSince(exchange) - findings.connectAt;
}

/** The request goes out on a connection. */
export function beginWait(exchange: Exchange | undefined): void {
  if (exchange === undefined || exchange.startedAt === 0) return;
  exchange.findings.waitAt = microsecondsSince(exchange);
}
