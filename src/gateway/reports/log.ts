/**
 * What the gateway and its modules may say. How lines are formatted and where they go is the
 * runtime's business (spec 06 part D).
 *
 * @module
 */
import type { Exchange } from "../exchange/exchange.ts";

/** Severity, most severe first. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** `fluxheim::security`, `fluxheim::access` and so on: who says it. */
export type LogTarget =
  | "fluxheim"
  | "fluxheim::access"
  | "fluxheim::security"
  | "fluxheim::audit"
  | "fluxheim::proxy"
  | "fluxheim::cache"
  | "fluxheim::tls"
  | "fluxheim::php_fpm"
  | "fluxheim::load_balancer"
  | "fluxheim::metrics"
  | "fluxheim::stream"
  | "fluxheim::udp";

/** A sink of log records; cheap to call for a level that is off. */
export interface Logger {
  /** Whether records of `level` are written. */
  enabled(level: LogLevel): boolean;
  /** Writes one record; `message` is one line of text. */
  log(level: LogLevel, target: LogTarget, message: string): void;
  /** Whether access records are written, so that the time of exchanges is used. */
  readonly logsAccess: boolean;
  /** Writes the access record of a finished exchange, if the access log is on. */
  access(exchange: Exchange): void;
}
