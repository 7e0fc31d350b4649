/**
 * Whether a changed configuration can be applied to the running process (spec 01 section 7.2).
 * Pure: both configurations in, a class and its reasons out.
 *
 * The live list names what a snapshot carries. Everything else was fixed when the process started,
 * so a difference there needs a restart, and a table nobody has classified yet counts as such.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { at, equal, list, type Path } from "./compare.ts";

/** `noop`: equal. `snapshot`: can be applied live. `process-upgrade`: needs a restart. */
export type ReloadImpact = "noop" | "snapshot" | "process-upgrade";

/** Why a change needs a new process, in the words of spec 01 section 7.2. */
export type ReloadReason =
  | "listener-changed"
  | "listener-security-changed"
  | "process-settings-changed"
  | "logging-runtime-changed"
  | "tls-mode-changed"
  | "tls-backend-changed"
  | "tls-client-auth-changed"
  | "compliance-mode-changed"
  | "acme-service-changed"
  | "managed-php-service-changed"
  | "admin-service-changed"
  | "metrics-service-changed"
  | "tracing-service-changed"
  | "cache-purger-service-changed"
  | "stream-service-changed"
  | "udp-service-changed"
  | "load-balancer-services-changed"
  | "unclassified-process-state-changed";

/** The class of a change and, for `process-upgrade`, all its reasons in table order. */
export interface ReloadClass {
  readonly impact: ReloadImpact;
  readonly reasons: readonly ReloadReason[];
}

/** What a reason watches: keys of the configuration, or a view computed from it. */
interface Watch {
  readonly reason: ReloadReason;
  readonly keys?: readonly Path[];
  readonly view?: (config: Config) => unknown;
}

/** The table of spec 01 section 7.2, in its order. */
const WATCHES: readonly Watch[] = [
  {
    reason: "listener-changed",
    keys: [["server", "listen"], ["server", "tls_listen"], ["server", "unix"]],
  },
  {
    reason: "listener-security-changed",
    keys: [["server", "trusted_proxies"], ["server", "proxy_protocol"], ["server", "limits"]],
  },
  { reason: "process-settings-changed", keys: [["server", "process"]] },
  {
    reason: "logging-runtime-changed",
    keys: [["logging", "level"], ["logging", "format"], ["logging", "target"], ["logging", "file"]],
  },
  {
    reason: "tls-mode-changed",
    keys: [
      ["tls", "enabled"],
      ["tls", "profile"],
      ["tls", "min_protocol"],
      ["tls", "alpn"],
      ["tls", "curve_preferences"],
      ["tls", "cipher_suites"],
      ["tls", "fips"],
    ],
  },
  { reason: "tls-backend-changed", keys: [["tls", "backend"]] },
  { reason: "tls-client-auth-changed", keys: [["tls", "client_auth"]] },
  { reason: "compliance-mode-changed", keys: [["tls", "iso19790"]] },
  { reason: "acme-service-changed", keys: [["tls", "acme"]], view: managedCertificates },
  { reason: "managed-php-service-changed", view: managedPhpPools },
  { reason: "admin-service-changed", keys: [["admin"]] },
  { reason: "metrics-service-changed", keys: [["metrics"]] },
  { reason: "tracing-service-changed", keys: [["tracing"]] },
  { reason: "cache-purger-service-changed", keys: [["cache_purger"]] },
  { reason: "stream-service-changed", keys: [["stream"]] },
  { reason: "udp-service-changed", keys: [["udp"]] },
  { reason: "load-balancer-services-changed", view: pools },
];

/** The live list of spec 01 section 7.2: what a snapshot carries. */
const LIVE: readonly Path[] = [
  ["server", "default_vhost"],
  ["server", "regex_enabled"],
  ["server", "https_redirect"],
  ["server", "host_routing"],
  ["logging", "access"],
  ["headers"],
  ["proxy"],
  ["vhosts"],
  ["compression"],
  ["cache"],
  ["web"],
  ["geoip"],
  ["tls", "certificates"],
];

/** Says how the change from `running` to `next` can be applied. */
export function classifyReload(running: Config, next: Config): ReloadClass {
  if (equal(running, next)) return { impact: "noop", reasons: [] };
  const reasons: ReloadReason[] = [];
  for (const { reason, keys = [], view } of WATCHES) {
    const changed = keys.some((key) => differs(running, next, key)) ||
      (view !== undefined && !equal(view(running), view(next)));
    if (changed) reasons.push(reason);
  }
  if (unclassifiedDiffers(running, next)) reasons.push("unclassified-process-state-changed");
  return { impact: reasons.length === 0 ? "snapshot" : "process-upgrade", reasons };
}

/**
 * Whether what stands at `path` has changed. A table that is switched off is as good as none, whatever else
 * it says; of one that is switched on or off its switch has changed and nothing else.
 */
function differs(running: Config, next: Config, path: Path): boolean {
  for (let length = 1; length < path.length; length++) {
    const table = path.slice(0, length);
    const [before, after] = [at(running, table), at(next, table)];
    if (isOff(before) && isOff(after)) return false;
    if ((isOff(before) && isOn(after)) || (isOn(before) && isOff(after))) {
      return length === path.length - 1 && path[length] === SWITCH;
    }
  }
  const [before, after] = [at(running, path), at(next, path)];
  return !equal(before, after) && !(isOff(before) && isOff(after));
}

const SWITCH = "enabled";

function isOn(table: unknown): boolean {
  return at(table, [SWITCH]) === true;
}

function isOff(table: unknown): boolean {
  return table === undefined || at(table, [SWITCH]) === false;
}

const CLASSIFIED: readonly Path[] = [...WATCHES.flatMap((watch) => watch.keys ?? []), ...LIVE];

/** Compares, one level into each table, every key that neither a reason nor the live list names. */
function unclassifiedDiffers(running: Config, next: Config): boolean {
  const whole = new Set(CLASSIFIED.filter((path) => path.length === 1).map(([table]) => table));
  const keys = new Set(CLASSIFIED.map((path) => path.join(".")));
  for (const table of keysOf(running, next)) {
    if (whole.has(table)) continue;
    const [before, after] = [at(running, [table]), at(next, [table])];
    if (isOff(before) && isOff(after)) continue;
    for (const key of keysOf(before, after)) {
      if (keys.has(`${table}.${key}`)) continue;
      if (differs(running, next, [table, key])) return true;
    }
    if (keysOf(before, after).length === 0 && !equal(before, after)) return true;
  }
  return false;
}

function keysOf(a: unknown, b: unknown): string[] {
  const keys = new Set<string>();
  for (const value of [a, b]) {
    if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) keys.add(key);
    }
  }
  return [...keys];
}

/** Each vhost with a managed certificate, with its settings. */
function managedCertificates(config: Config): unknown {
  return list(at(config, ["vhosts"]))
    .filter((vhost) => at(vhost, ["tls", "acme", "enabled"]) === true)
    .map((vhost) => [at(vhost, ["name"]), at(vhost, ["tls", "acme"])]);
}

/** Keys of `php.fpm` that belong to the connection to a pool, not to the pool's process (spec 07). */
const FPM_CONNECTION_KEYS: ReadonlySet<string> = new Set([
  "socket",
  "tcp",
  "tcp_upstreams",
  "allow_private_tcp_upstreams",
  "keepalive",
  "pool_max_idle",
  "idle_timeout_secs",
  "connect_timeout_secs",
  "read_timeout_secs",
  "write_timeout_secs",
  "max_retries",
]);

/** Each vhost or route with a managed php-fpm, with the settings of its process. */
function managedPhpPools(config: Config): unknown {
  return scopes(config).flatMap(([name, scope]) => {
    const fpm = at(scope, ["php", "fpm"]);
    if (at(fpm, ["mode"]) !== "managed" || at(scope, ["php", "enabled"]) === false) return [];
    const process = Object.entries(Object(fpm)).filter(([key]) =>
      !FPM_CONNECTION_KEYS.has(key) && !key.startsWith("retry_")
    );
    return [[name, process]];
  });
}

/** The ordered list of upstream pools with where their members come from (spec 03 section 3.2). */
function pools(config: Config): unknown {
  return scopes(config).flatMap(([name, scope]) => {
    const proxy = at(scope, ["proxy"]);
    const source = poolSource(proxy);
    if (source === undefined) return [];
    return [[name, at(proxy, ["load_balance", "health_check", "enabled"]) === true, source]];
  });
}

function poolSource(proxy: unknown): unknown {
  const file = at(proxy, ["upstreams_file"]);
  if (file !== undefined) return ["file", file, at(proxy, ["upstreams_file_refresh_secs"])];
  const url = at(proxy, ["upstreams_http_url"]);
  if (url !== undefined) {
    const token = at(proxy, ["upstreams_http_bearer_token_file"]);
    return ["http", url, at(proxy, ["upstreams_http_refresh_secs"]), token];
  }
  const members = list(at(proxy, ["upstreams"]));
  const refresh = at(proxy, ["upstream_dns_refresh_secs"]);
  if (refresh !== undefined) return ["dns", members, refresh];
  return members.length >= 2 ? ["static", members] : undefined;
}

/** Every vhost and route with its name, in order. */
function scopes(config: Config): (readonly [name: readonly unknown[], scope: unknown])[] {
  return list(at(config, ["vhosts"])).flatMap((vhost) => {
    const name = at(vhost, ["name"]);
    const routes = list(at(vhost, ["routes"])).map((route) =>
      [[name, at(route, ["name"])], route] as const
    );
    return [[[name], vhost] as const, ...routes];
  });
}
