/**
 * Members from names (spec 03 section 15.1). A name counts as resolved when both families of addresses have been
 * answered for: half an answer would empty half of the pool.
 *
 * @module
 */
import { lookup, Resolver } from "node:dns/promises";
import { splitAuthority } from "../../../http/authority.ts";
import { canonicalAddress } from "../table.ts";
import { isRestrictedMember } from "./restricted.ts";
import { DiscoveryError, type Found, type Source } from "./source.ts";

/** Most members that names may come to. */
const MAX_ADDRESSES = 256;
const QUERY_MS = 2_000;
const TRIES = 2;

/** How names are looked up. */
export interface DnsSourceOptions {
  /** `host:port`, as configured. */
  readonly upstreams: readonly string[];
  readonly allowsPrivate: boolean;
  /** `ip:port` of servers to ask; the system's resolver where there are none. */
  readonly servers: readonly string[];
}

/** Names with members behind them. */
export function dnsSource({ upstreams, allowsPrivate, servers }: DnsSourceOptions): Source {
  const look = servers.length === 0 ? lookUp : resolving(servers);
  return {
    async members(): Promise<Found> {
      const addresses = new Set<string>();
      let againMs = Infinity;
      for (const upstream of upstreams) {
        const { host, port } = splitAuthority(upstream) ?? { host: "", port: 0 };
        const literal = canonicalAddress(upstream);
        const found = literal === undefined
          ? await resolved(look, host)
          : { ips: [literal], ttl: Infinity };
        againMs = Math.min(againMs, found.ttl * 1000);
        for (const ip of found.ips) {
          const address = literal ??
            canonicalAddress(ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
          if (address === undefined) {
            throw new DiscoveryError(`${host} has an address that is none`);
          }
          if (!allowsPrivate && isRestrictedMember(address)) {
            throw new DiscoveryError(`${host} has the private or reserved address ${ip}`);
          }
          addresses.add(address);
        }
        if (addresses.size > MAX_ADDRESSES) {
          throw new DiscoveryError(`the names come to more than ${MAX_ADDRESSES} addresses`);
        }
      }
      if (addresses.size === 0) throw new DiscoveryError("the names have no address");
      return Number.isFinite(againMs)
        ? { addresses: [...addresses], againMs: Math.max(1000, againMs) }
        : { addresses: [...addresses] };
    },
  };
}

interface Resolved {
  readonly ips: readonly string[];
  /** Seconds that the shortest-lived of them holds. */
  readonly ttl: number;
}

/** One family of addresses of a name; rejects unless the answer is a definite one. */
type Look = (host: string, family: 4 | 6) => Promise<Resolved>;

async function resolved(look: Look, host: string): Promise<Resolved> {
  const both = await Promise.all([look(host, 4), look(host, 6)]);
  const ips = both.flatMap((found) => found.ips);
  if (ips.length === 0) throw new DiscoveryError(`${host} has no address`);
  return { ips, ttl: Math.min(...both.map((found) => found.ttl)) };
}

/** That there are none, as a definite answer. */
const NOTHING: Resolved = { ips: [], ttl: Infinity };
const DEFINITE: ReadonlySet<unknown> = new Set(["ENODATA", "ENOTFOUND"]);

function definite(host: string, error: unknown): Resolved {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (DEFINITE.has(code)) return NOTHING;
  throw new DiscoveryError(`${host} cannot be resolved now (${String(code ?? error)})`);
}

/** By the system's resolver, with its hosts file and search list; it tells nothing of lifetimes. */
const lookUp: Look = async (host, family) => {
  try {
    const found = await lookup(host, { all: true, family });
    return { ips: found.map(({ address }) => address), ttl: Infinity };
  } catch (error) {
    return definite(host, error);
  }
};

/** By servers that the configuration names. */
function resolving(servers: readonly string[]): Look {
  const resolver = new Resolver({ timeout: QUERY_MS, tries: TRIES });
  resolver.setServers([...servers]);
  return async (host, family) => {
    try {
      const found = family === 4
        ? await resolver.resolve4(host, { ttl: true })
        : await resolver.resolve6(host, { ttl: true });
      return {
        ips: found.map(({ address }) => address),
        ttl: Math.min(Infinity, ...found.map(({ ttl }) => ttl)),
      };
    } catch (error) {
      return definite(host, error);
    }
  };
}
