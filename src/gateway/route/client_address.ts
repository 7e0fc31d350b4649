/**
 * Who the client is when trusted proxies are between (spec 01 section 2.2, spec 02 section 6.1). The
 * answer decides access, rate limits, GeoIP, logs and the fields an upstream sees.
 *
 * @module
 */
import { readAuthority } from "../../http/authority.ts";
import { trimBlanks } from "../../http/chars.ts";
import type { HttpExchange } from "../../http/exchange.ts";
import { canonicalIp, ipFamily } from "../../net/ip.ts";
import type { TrustedPeers } from "../../net/trusted_peers.ts";

/** Gives the effective client address of a request, `""` when unknown. */
export type ClientAddressRule = (exchange: HttpExchange) => string;

/** Most hops of `X-Forwarded-For` that are followed; a longer chain counts as malformed. */
export const MAX_HOPS = 64;

/** The usual header, with a chain of hops. */
export const FORWARDED_FOR = "x-forwarded-for";

/**
 * The rule for these trusted proxies: the peer; when that is trusted, the last hop of
 * `X-Forwarded-For` that is not; the peer again when a hop on the way is malformed.
 *
 * @param header Where they name the client; any other than `X-Forwarded-For` has one address.
 * @param onUnreadable Called with the trusted peer that sent a chain with such a hop, or the unix socket it came by. All clients of that
 * peer then count as one, which an operator must learn.
 */
export function clientAddressOf(
  trusted: TrustedPeers,
  onUnreadable: (peer: string) => void = () => {},
  header: string = FORWARDED_FOR,
): ClientAddressRule {
  if (trusted.empty) return ({ connection }) => connection.peerAddress;
  return ({ connection, request }) => {
    const peer = connection.peerAddress;
    if (!trusted.hasPeer(connection)) return peer;
    const named = request.joined(header, ",");
    if (named === undefined) return peer;
    const client = header === FORWARDED_FOR ? forwardedClient(named, trusted) : parseHop(named);
    if (client !== undefined) return client;
    onUnreadable(peer === "" ? connection.listener : peer);
    return peer;
  };
}

/**
 * The client that `chain` (all `X-Forwarded-For` lines, joined by commas) names, or `undefined` when a
 * hop that has to be looked at is malformed.
 */
function forwardedClient(chain: string, trusted: TrustedPeers): string | undefined {
  let rightmost: string | undefined;
  let end = chain.length;
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const comma = chain.lastIndexOf(",", end - 1);
    const hop = parseHop(chain.slice(comma + 1, end));
    if (hop === undefined) return undefined;
    if (!trusted.has(hop)) return hop;
    rightmost ??= hop;
    // Every hop is a trusted proxy. What 1.5 does then is not confirmed (spec 02 section 13): the leftmost
    // or the peer would also make sense.
    if (comma < 0) return rightmost;
    end = comma;
  }
  return undefined;
}

/**
 * The address of a hop in canonical text: perhaps quoted, IPv6 perhaps in brackets, perhaps with a port,
 * which some load balancers write.
 */
function parseHop(text: string): string | undefined {
  let hop = trimBlanks(text);
  if (hop.startsWith('"')) {
    if (!hop.endsWith('"')) return undefined;
    hop = hop.slice(1, -1);
  }
  const address = canonicalIp(hop);
  if (address !== undefined) return address;
  const host = readAuthority(hop)?.host;
  return host !== undefined && ipFamily(host) !== 0 ? host : undefined;
}
