/**
 * Rules of pools that span keys (spec 03 sections 1.3, 2 and 3), and warnings for what has no effect.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { unixPath } from "../../net/unix_address.ts";
import { type ProxyTable, proxyTables } from "../proxy/table.ts";
import { pooledStreams } from "./stream_routes.ts";
import { memberKey } from "./memory/fnv.ts";
import { policyOf } from "./selection/policies.ts";
import { loadBalanceTable, type PoolKey } from "./schema.ts";
import { canonicalAddress, type PoolConfig, poolIn, type PoolTable, poolTables } from "./table.ts";

const MAX_TOTAL_WEIGHT = 65_535;

/** Lists with an entry for each of `upstreams`. */
const POSITIONAL = [
  "upstream_weights",
  "upstream_priority_groups",
  "upstream_localities",
  "upstream_max_in_flight",
  "upstream_aliases",
  "upstream_tags",
] as const satisfies readonly PoolKey[];

/** Lists of some of `upstreams`, which exclude each other. */
const SUBSETS = ["backup_upstreams", "drain_upstreams", "disabled_upstreams"] as const;

/** Keys that name how members are found, the one that decides first. */
const DISCOVERY = [
  "upstreams_file",
  "upstreams_http_url",
  "upstream_dns_refresh_secs",
] as const satisfies readonly PoolKey[];

/** Everything that is wrong with the pools of `config`. */
export function checkPools(config: Config): Problem[] {
  const ofStreams = [...poolTables(config)].filter(({ key }) => key.startsWith("stream."));
  return [
    ...[...proxyTables(config)].flatMap(checkBlock),
    ...ofStreams.flatMap((pool) => [...checkStreamPool(config, pool), ...checkPool(pool)]),
  ];
}

function checkBlock(table: ProxyTable): Problem[] {
  const pool = poolIn(table.scope);
  const proxy = table.proxy as PoolConfig;
  if (proxy.load_balance === undefined) return [];
  return [
    ...checkSources(proxy, table.key),
    ...checkLists(proxy, table.key),
    ...checkSubsets(proxy, table.key),
    ...(pool === undefined ? withoutPool(table, proxy) : checkPool(pool)),
  ];
}

/** What a pool of a stream route needs beside what all pools do. */
function* checkStreamPool(config: Config, { proxy, scope, key }: PoolTable): Generator<Problem> {
  const own = `${key}.load_balance`;
  const { length } = proxy.upstreams;
  if (length < 2) {
    yield problem(own, `needs at least two upstreams; found ${length}`, [`${key}.upstreams`]);
  }
  const other = pooledStreams(config).find((one) => one.key === key)?.route
    .upstream_alternative_cn;
  if (other !== undefined && proxy.upstream_tls && proxy.load_balance.health_check.enabled) {
    yield problem(
      `${own}.health_check`,
      "must be off with upstream_alternative_cn: probes verify upstream_sni",
      [`${key}.upstream_alternative_cn`],
    );
  }
  const namesake = config.vhosts.findIndex(({ name }) => name === scope.vhost.name);
  if (namesake >= 0) {
    yield problem(own, `is a pool called "${scope.vhost.name}", as a vhost is`, [
      `vhosts[${namesake}].name`,
      `${key}.name`,
    ]);
  }
}

/** How members are named: in one way, with keys that belong to it. */
function* checkSources(proxy: PoolConfig, key: string): Generator<Problem> {
  const named = (["upstream", "upstreams_file", "upstreams_http_url"] as const)
    .filter((name) => proxy[name] !== undefined);
  if (named.length > 1 || (named.length === 1 && proxy.upstreams.length > 0)) {
    const [first, second = "upstreams"] = named;
    // `upstream` beside `upstreams` is a matter of the proxy.
    if (first !== "upstream" || second !== "upstreams") {
      yield problem(
        `${key}.${second}`,
        `must not be set together with ${first}: upstreams are named in one way only`,
        [`${key}.${first}`],
      );
    }
  }
  if (proxy.upstream_dns_refresh_secs !== undefined) {
    if (named.length > 0) {
      yield problem(
        `${key}.upstream_dns_refresh_secs`,
        `must not be set together with ${named[0]}`,
        [`${key}.${named[0]}`],
      );
    } else if (proxy.upstreams.length === 0) {
      yield problem(`${key}.upstream_dns_refresh_secs`, "needs names to resolve, in upstreams", [
        `${key}.upstreams`,
      ]);
    }
  } else if (proxy.upstream_dns_servers.length > 0) {
    yield problem(`${key}.upstream_dns_servers`, "needs upstream_dns_refresh_secs", [
      `${key}.upstream_dns_refresh_secs`,
    ]);
  } else if (proxy.upstream_dns_allow_private_backends) {
    yield problem(
      `${key}.upstream_dns_allow_private_backends`,
      "needs upstream_dns_refresh_secs",
      [`${key}.upstream_dns_refresh_secs`],
    );
  }
  if (
    proxy.upstreams_http_bearer_token_file !== undefined && proxy.upstreams_http_url === undefined
  ) {
    yield problem(`${key}.upstreams_http_bearer_token_file`, "needs upstreams_http_url", [
      `${key}.upstreams_http_url`,
    ]);
  }
}

function* checkLists(proxy: PoolConfig, key: string): Generator<Problem> {
  const count = proxy.upstreams.length;
  const discovery = DISCOVERY.find((name) => proxy[name] !== undefined);
  for (const name of [...POSITIONAL, "preferred_upstream_localities", ...SUBSETS] as const) {
    const list = proxy[name];
    if (list.length === 0) continue;
    if (discovery !== undefined) {
      yield problem(`${key}.${name}`, `must be left out with ${discovery}: members come and go`, [
        `${key}.${discovery}`,
      ]);
    } else if (proxy.upstream !== undefined) {
      yield problem(`${key}.${name}`, "must be left out with upstream", [`${key}.upstream`]);
    } else if ((POSITIONAL as readonly string[]).includes(name) && list.length !== count) {
      yield problem(
        `${key}.${name}`,
        `must have one entry for each of upstreams; found ${list.length} for ${count}`,
        [`${key}.upstreams`, `${key}.${name}`],
      );
    }
  }
  const total = proxy.upstream_weights.reduce((sum, weight) => sum + weight, 0);
  if (total > MAX_TOTAL_WEIGHT) {
    yield problem(
      `${key}.upstream_weights`,
      `must come to at most ${MAX_TOTAL_WEIGHT} together; found ${total}`,
    );
  }
  const { upstream_priority_group_min_active: least } = proxy;
  if (least !== 1) {
    const name = `${key}.upstream_priority_group_min_active`;
    if (discovery !== undefined) {
      yield problem(name, `must be left out with ${discovery}`, [`${key}.${discovery}`]);
    } else if (proxy.upstream_priority_groups.length === 0) {
      yield problem(name, "needs upstream_priority_groups", [`${key}.upstream_priority_groups`]);
    } else if (least > count) {
      yield problem(name, `must be at most the number of upstreams, ${count}; found ${least}`, [
        `${key}.upstreams`,
      ]);
    }
  }
  for (const [index, place] of proxy.preferred_upstream_localities.entries()) {
    if (discovery !== undefined || proxy.upstream_localities.includes(place)) continue;
    yield problem(
      `${key}.preferred_upstream_localities[${index}]`,
      `must be one of upstream_localities; found "${place}"`,
      [`${key}.upstream_localities`],
    );
  }
}

function* checkSubsets(proxy: PoolConfig, key: string): Generator<Problem> {
  const known = new Set(proxy.upstreams.map(sameMember));
  const seen = new Map<string, string>();
  for (const name of SUBSETS) {
    if (proxy[name].length > 0 && proxy.upstreams.length < 2) {
      yield problem(`${key}.${name}`, "needs two upstreams or more", [`${key}.upstreams`]);
      continue;
    }
    for (const [index, entry] of proxy[name].entries()) {
      const member = sameMember(entry);
      const at = `${key}.${name}[${index}]`;
      const other = seen.get(member);
      if (!known.has(member)) {
        yield problem(at, `must be one of upstreams; found "${entry}"`, [`${key}.upstreams`]);
      } else if (other !== undefined) {
        yield problem(at, `must not stand in ${other} as well; found "${entry}"`, [
          `${key}.${other}`,
        ]);
      }
      seen.set(member, name);
    }
  }
  if (known.size > 1 && [...known].every((member) => seen.has(member))) {
    yield problem(
      `${key}.upstreams`,
      "must have one that is neither backup, drained nor disabled",
      SUBSETS.map((name) => `${key}.${name}`),
    );
  }
}

function* checkPool({ proxy, key, kind }: PoolTable): Generator<Problem> {
  const { selection, health_check: health } = proxy.load_balance;
  if (policyOf(selection).policy.isStatic && kind !== "static") {
    yield problem(
      `${key}.load_balance.selection`,
      `"${selection}" needs members that are named in upstreams: its table is made once`,
      [`${key}.upstreams`],
    );
  }
  if (kind === "static") yield* checkAddresses(proxy, key);
  else if (proxy.load_balance.member_ranges.length === 0) {
    yield {
      key: `${key}.load_balance.member_ranges`,
      message:
        `is required for members that are discovered, by ${kind}: threads may dial only what is named`,
      about: [`${key}.upstreams`],
      hint: 'name where members may lie, such as ["10.0.0.0/8:8080"]',
    };
  }
  if (proxy.upstream_tls && (kind === "file" || kind === "http") && !proxy.upstream_sni) {
    yield problem(`${key}.upstream_sni`, `is required with upstream_tls in a pool from ${kind}`, [
      `${key}.upstream_tls`,
    ]);
  }
  if (selection.startsWith("maglev-") && new Set(proxy.upstream_weights).size > 1) {
    yield warning(`${key}.upstream_weights`, `have no effect with selection = "${selection}"`, [
      `${key}.load_balance.selection`,
    ]);
  }
  if (proxy.upstream_tls && health.enabled && DATABASES.includes(health.protocol)) {
    yield problem(
      `${key}.load_balance.health_check.protocol`,
      `"${health.protocol}" probes speak no TLS, and upstream_tls is set`,
      [`${key}.upstream_tls`],
    );
  }
  const { persistence, runtime_state_file: file } = proxy.load_balance;
  if (
    file !== undefined && persistence.enabled && ["header", "cookie"].includes(persistence.mode)
  ) {
    yield {
      ...warning(
        `${key}.load_balance.runtime_state_file`,
        `keeps what clients send in their ${persistence.mode} on disk`,
        [`${key}.load_balance.persistence.mode`],
      ),
      security: true,
    };
  }
}

const DATABASES: readonly string[] = ["redis", "mysql", "postgres"];

/** Members of a static pool are addresses: their order, their identity and their permissions are. */
function* checkAddresses({ upstreams }: PoolConfig, key: string): Generator<Problem> {
  const seen = new Map<string, string>();
  const hashes = new Map<string, string>();
  for (const [index, entry] of upstreams.entries()) {
    const at = `${key}.upstreams[${index}]`;
    const address = canonicalAddress(entry);
    if (address === undefined) {
      yield unixPath(entry) === undefined
        ? {
          key: at,
          message: `must be an address and a port in a pool; found the name "${entry}"`,
          hint: key.startsWith("stream.")
            ? "without load_balance names are resolved for each connection"
            : "with upstream_dns_refresh_secs names are resolved, and looked up again",
        }
        : problem(at, `must be an address and a port in a pool; found "${entry}"`);
      continue;
    }
    const { high, low } = memberKey(address);
    const hash = `${high}.${low}`;
    const same = seen.get(address);
    if (same !== undefined && same !== entry) {
      yield problem(at, `must not stand in the list twice; "${entry}" is "${same}"`);
    } else if (same === undefined && hashes.has(hash)) {
      yield problem(at, `has the same 64-bit key as "${hashes.get(hash)}": one of them must go`);
    }
    seen.set(address, entry);
    hashes.set(hash, entry);
  }
}

/** Keys of pools in a block that has none. */
function* withoutPool({ key }: ProxyTable, proxy: PoolConfig): Generator<Problem> {
  if (proxy.upstream === undefined && proxy.upstreams.length === 0) return;
  const defaults = JSON.stringify(loadBalanceTable.parse(undefined));
  if (JSON.stringify(proxy.load_balance) === defaults) return;
  yield {
    ...warning(
      `${key}.load_balance`,
      "has no effect: the block has a single upstream, and no pool",
    ),
    hint: "leave it out, or name several upstreams",
  };
}

function sameMember(entry: string): string {
  return canonicalAddress(entry) ?? entry.toLowerCase();
}

function problem(key: string, message: string, about?: readonly string[]): Problem {
  return about === undefined ? { key, message } : { key, message, about };
}

function warning(key: string, message: string, about?: readonly string[]): Problem {
  return { ...problem(key, message, about), warning: true };
}
