/**
 * The access record for a person at a terminal: one line with what one looks for first.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { clientOf, latencyMs } from "./access_fields.ts";
import { clockTime, oneLine } from "./lines.ts";
import type { AccessLogSettings, AccessRecords } from "./record_types.ts";

/** Longest path that is shown. */
const MAX_PATH = 256;

/** Makes lines such as `12:00:01.234 200 GET /a shop 3 ms 12 B 192.0.2.1`. */
export class HumanRecord implements AccessRecords {
  readonly #settings: AccessLogSettings;

  constructor(settings: AccessLogSettings) {
    this.#settings = settings;
  }

  of(exchange: Exchange): string {
    const { include_client_ip, include_path, include_route, include_upstream } = this.#settings;
    const { scope, status, findings, refusal, failed } = exchange;
    const route = include_route ? scope?.route?.name : undefined;
    const parts = [
      clockTime(Date.now()),
      status === 0 ? "---" : String(status),
      exchange.method.padEnd(4),
      include_path ? shortened(exchange.path) : "-",
      route === undefined ? scope?.vhost.name ?? "unknown" : `${scope?.vhost.name}/${route}`,
      `${latencyMs(exchange)} ms`,
      sizeOf(exchange.responseBodyBytes),
    ];
    if (include_client_ip) parts.push(clientOf(exchange));
    if (include_upstream && findings.upstream !== "") parts.push(`> ${findings.upstream}`);
    if (refusal !== undefined) parts.push(`(refused: ${refusal.cause})`);
    if (failed) parts.push("(broken off)");
    return oneLine(parts.join(" "));
  }
}

function shortened(path: string): string {
  return path.length <= MAX_PATH ? path : `${path.slice(0, MAX_PATH)}...`;
}

function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
