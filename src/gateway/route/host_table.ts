/**
 * Which virtual host serves a request host: exact names, then wildcards of one label, then the default
 * (spec 02 section 2.2). Whether a host is valid is for the codecs to say; an invalid one goes to no vhost.
 *
 * @module
 */
import type { Refusal } from "../exchange/refusal.ts";

/** What the table reads of a vhost. */
export interface HostedNames {
  readonly name: string;
  /** Normal form, as `normalizeHostPattern` gives it. Empty: the vhost serves every valid host. */
  readonly hosts: readonly string[];
}

/** How hosts that no vhost names are treated. */
export interface HostRouting {
  /** Name of the vhost that serves them; the first vhost when `undefined`. */
  readonly defaultVhost: string | undefined;
  /** `server.host_routing.strict`: they are refused instead. */
  readonly strict: boolean;
}

/** Why host routing refuses a request: the `reason` label of its metric. */
export type HostRefusalReason = "missing" | "invalid" | "unknown";

/** The refusals of host routing; they never echo the host. */
export const HOST_REFUSALS: Readonly<Record<HostRefusalReason, Refusal>> = {
  missing: { status: 400, text: "missing host header", cause: "host", close: true },
  invalid: { status: 400, text: "invalid host header", cause: "host", close: true },
  unknown: { status: 421, text: "unknown host", cause: "host", close: true },
};

/** How a host was found, for `fluxheim explain`. */
export type HostMatchKind = "exact" | "wildcard" | "default";

/** Compiled host look-up: at most two map reads a request. */
export class HostTable {
  readonly #exact = new Map<string, number>();
  /** What follows `*.`, to the vhost. */
  readonly #wildcard = new Map<string, number>();
  readonly #default: number;
  readonly #strict: boolean;
  /** Some vhost names no host and serves all of them (spec 01 section 2). */
  readonly #takesAll: boolean;

  /** @param vhosts At least one; hosts are unique across all of them. */
  constructor(vhosts: readonly HostedNames[], routing: HostRouting) {
    vhosts.forEach(({ hosts }, index) => {
      for (const host of hosts) {
        if (host.startsWith("*.")) this.#wildcard.set(host.slice(2), index);
        else this.#exact.set(host, index);
      }
    });
    const named = vhosts.findIndex(({ name }) => name === routing.defaultVhost);
    this.#default = named < 0 ? 0 : named;
    this.#takesAll = vhosts.some(({ hosts }) => hosts.length === 0);
    this.#strict = routing.strict && !this.#takesAll;
  }

  /** Index of the vhost that names `host` (normal form), or -1. */
  find(host: string): number {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    if (this.#wildcard.size === 0) return -1;
    // A wildcard stands for exactly one label, so there is one candidate and no longest suffix to look for.
    const dot = host.indexOf(".");
    return dot <= 0 ? -1 : this.#wildcard.get(host.slice(dot + 1)) ?? -1;
  }

  /**
   * The vhost for a request. A name with `_`, which DNS does not allow, is valid where a vhost
   * names it.
   *
   * @param authority As received; `""` when there was none.
   * @param host Its normal form; `""` when it is missing or has none.
   * @returns Index of a vhost, or why the request is refused.
   */
  select(authority: string, host: string): number | HostRefusalReason {
    if (host === "") {
      if (authority !== "") return "invalid";
      return this.#strict ? "missing" : this.#default;
    }
    const index = this.find(host);
    if (index >= 0) return index;
    if (host.includes("_") && !this.#takesAll) return "invalid";
    return this.#strict ? "unknown" : this.#default;
  }

  /** How {@linkcode HostTable.select} came to its vhost. */
  kind(host: string): HostMatchKind {
    if (this.#exact.has(host)) return "exact";
    return this.find(host) >= 0 ? "wildcard" : "default";
  }
}
