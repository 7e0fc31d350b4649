/**
 * Which requests may turn their connection into a tunnel (spec 02 section 9.6; RFC 6455 section 4.2.1).
 *
 * @module
 */
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { trimBlanks } from "../../../http/chars.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { ProxyConfig } from "../schema.ts";

/** The protocols a scope lets clients upgrade to. */
export interface UpgradeRules {
  readonly websocket: boolean;
  /** Others, in lower case. */
  readonly protocols: readonly string[];
}

/** What `proxy` lets through; `undefined` for nothing. */
export function upgradeRules(
  { websocket, upgrade_protocols: protocols }: ProxyConfig,
): UpgradeRules | undefined {
  return websocket || protocols.length > 0 ? { websocket, protocols } : undefined;
}

/**
 * The protocol to ask the upstream for, or `undefined` when the request is an ordinary one. An upgrade
 * that is not allowed is not refused: the request goes on without it.
 */
export function upgradeOf(exchange: Exchange, rules: UpgradeRules): string | undefined {
  if (exchange.version !== 11) return undefined;
  const { request } = exchange;
  // A list of protocols would leave the choice, and with it what passes, to the upstream.
  const protocol = request.joined("upgrade")?.toLowerCase();
  if (protocol === undefined || exchange.requestBody !== undefined) return undefined;
  if (!listsUpgrade(request)) return undefined;
  if (protocol === "websocket") {
    return rules.websocket && isWebSocketHandshake(exchange) ? protocol : undefined;
  }
  return rules.protocols.includes(protocol) ? protocol : undefined;
}

function listsUpgrade(request: ReadonlyFields): boolean {
  for (let i = 0; i < request.size; i++) {
    if (request.names[i] !== "connection") continue;
    for (const option of request.values[i].split(",")) {
      if (trimBlanks(option).toLowerCase() === "upgrade") return true;
    }
  }
  return false;
}

function isWebSocketHandshake({ method, request }: Exchange): boolean {
  return method === "GET" && request.count("sec-websocket-key") === 1 &&
    request.get("sec-websocket-key") !== "" && request.count("sec-websocket-version") === 1 &&
    request.get("sec-websocket-version") === "13";
}
