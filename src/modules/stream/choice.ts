/**
 * Which route of a listener a TLS connection belongs to, by the name that its client asks for and the protocols
 * that it offers. TLS itself is not ended: the upstream does that.
 *
 * @module
 */

/** A route, and what it matches. Without names and protocols it takes what no other route takes. */
export interface Candidate<R> {
  readonly route: R;
  /** Host names or `*.suffix`, lower case; empty for all names, and for none. */
  readonly names: readonly string[];
  /** Of which the client must offer one; empty for whatever it offers. */
  readonly protocols: readonly string[];
}

/** Ranks of a match by name, the best one last. */
const [NO_MATCH, ANY, WILDCARD, EXACT] = [-1, 0, 1, 2];

/** The routes of one listener. At most as many as a configuration has, so they are looked at in turn. */
export class Choice<R> {
  readonly #candidates: readonly Candidate<R>[];
  /** Whether the choice depends on what the client begins with. */
  readonly isByHello: boolean;

  constructor(candidates: readonly Candidate<R>[]) {
    this.#candidates = candidates;
    this.isByHello = candidates.some(({ names, protocols }) => names.length + protocols.length > 0);
  }

  /** Every route. */
  get routes(): readonly R[] {
    return this.#candidates.map(({ route }) => route);
  }

  /** The route of a connection that is not looked into; for a listener with one route. */
  get only(): R | undefined {
    return this.#candidates[0]?.route;
  }

  /**
   * The route for a client: an exact name before `*.suffix` before any name, then one that names a protocol before
   * one that does not.
   *
   * @param serverName As the client spelt it; `""` for none.
   * @param protocols What it offers by ALPN.
   */
  of(serverName: string, protocols: readonly string[]): R | undefined {
    const host = normalName(serverName);
    let best: R | undefined;
    let bestRank = -1;
    for (const candidate of this.#candidates) {
      const byName = rankOfName(candidate.names, host);
      if (byName === NO_MATCH || !matchesProtocol(candidate.protocols, protocols)) continue;
      const rank = 2 * byName + (candidate.protocols.length > 0 ? 1 : 0);
      if (rank <= bestRank) continue;
      best = candidate.route;
      bestRank = rank;
    }
    return best;
  }
}

function normalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

function rankOfName(names: readonly string[], host: string): number {
  if (names.length === 0) return ANY;
  if (host === "") return NO_MATCH;
  if (names.includes(host)) return EXACT;
  const dot = host.indexOf(".");
  return dot > 0 && names.includes(`*${host.slice(dot)}`) ? WILDCARD : NO_MATCH;
}

function matchesProtocol(wanted: readonly string[], offered: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((protocol) => offered.includes(protocol));
}
