/**
 * Access rules by what a client says of itself: its program, and the page that led to here. Both are easily
 * made up; they keep out those that do not try. Ours, beyond the 1.5 line.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { readAuthority } from "../../http/authority.ts";
import type { AccessConfig } from "./schema.ts";

/** Longest part of a field that is looked at. */
const MAX_LOOKED_AT = 2048;

/** The rules of one scope, compiled. */
export class OriginRules {
  /** In lower case. */
  readonly #agents: readonly string[];
  readonly #allow: HostPatterns;
  readonly #deny: HostPatterns;

  private constructor(config: AccessConfig) {
    this.#agents = config.deny_user_agents.map((text) => text.toLowerCase());
    this.#allow = new HostPatterns(config.allow_referers);
    this.#deny = new HostPatterns(config.deny_referers);
  }

  /** The rules of `config`; `undefined` where it has none. */
  static of(config: AccessConfig): OriginRules | undefined {
    const { deny_user_agents: agents, allow_referers: allow, deny_referers: deny } = config;
    return agents.length + allow.length + deny.length === 0 ? undefined : new OriginRules(config);
  }

  /** Why `exchange` is denied, in a few words, or `undefined` when it passes. */
  denial({ request, host }: Exchange): string | undefined {
    if (this.#agents.length > 0) {
      const agent = request.joined("user-agent")?.slice(0, MAX_LOOKED_AT).toLowerCase();
      if (agent !== undefined && this.#agents.some((text) => agent.includes(text))) {
        return "user agent in deny_user_agents";
      }
    }
    if (this.#allow.isEmpty && this.#deny.isEmpty) return undefined;
    const referer = request.joined("referer");
    if (referer === undefined) return undefined;
    const page = hostOf(referer);
    if (page !== "" && page === host) return undefined;
    if (this.#deny.has(page)) return "referer in deny_referers";
    return this.#allow.isEmpty || this.#allow.has(page)
      ? undefined
      : "referer not in allow_referers";
  }
}

/** The host of a URL as hosts are compared; `""` where it has none. */
function hostOf(url: string): string {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url.slice(0, MAX_LOOKED_AT))?.[1];
  return authority === undefined ? "" : readAuthority(authority)?.host ?? "";
}

/** Hosts, and `*.` with a suffix for one more label, as for vhosts. */
class HostPatterns {
  readonly #patterns: ReadonlySet<string>;

  constructor(patterns: readonly string[]) {
    this.#patterns = new Set(patterns);
  }

  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  has(host: string): boolean {
    return this.#patterns.has(host) || this.#patterns.has("*" + host.slice(host.indexOf(".")));
  }
}
