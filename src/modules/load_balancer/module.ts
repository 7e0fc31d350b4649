/**
 * The load balancer: pools of upstreams, their selection, health and persistence (spec 03).
 *
 * @module
 */
import type { Module, Role } from "../../gateway/module.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { sharedTime } from "../../zones/shared_time.ts";
import { adminOf } from "../admin/table.ts";
import { BALANCER_CALLS } from "./care/balancer_calls.ts";
import { commands } from "./commands.ts";
import { checkPools } from "./checks.ts";
import { EVENTS, POOLS, QUEUE_WAIT } from "./descriptions.ts";
import { filesOf, grantsOf } from "./grants.ts";
import { poolMemory } from "./memory/pool_memory.ts";
import { programProblems } from "./care/program.ts";
import { loadBalanceTable, type PoolKey, poolKeys, streamBalanceTable } from "./schema.ts";
import { secretMemory } from "./care/secrets.ts";
import { sessionMemory } from "./memory/session_memory.ts";
import {
  canonicalAddress,
  CLOCK_ZONE,
  POOL_SHAPE,
  poolTables,
  poolZone,
  SECRETS_ZONE,
  sessionsSize,
  sessionZone,
} from "./table.ts";

export type { LoadBalanceConfig } from "./schema.ts";

const EVERYWHERE = ["root", "vhost", "route"] as const;

/** Keys of which a change needs a new process: the permissions of this one do not allow other members. */
const SOURCES: ReadonlySet<PoolKey> = new Set<PoolKey>([
  "upstreams_file",
  "upstreams_file_refresh_secs",
  "upstreams_http_url",
  "upstreams_http_refresh_secs",
  "upstreams_http_bearer_token_file",
  "upstream_dns_refresh_secs",
]);

/** Health program of builds whose permissions are locked to a profile. */
const HEALTH_PROGRAM = "/usr/libexec/fluxheim/health-check";

/** Where state files of such builds are. */
const STATE_DIRECTORY = "/var/lib/fluxheim/load-balancer";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "load-balancer",
  schema: [
    { table: "proxy.load_balance", scopes: EVERYWHERE, schema: loadBalanceTable, reload: "live" },
    {
      table: "stream.routes.load_balance",
      scopes: ["root"],
      schema: streamBalanceTable,
      ifPresent: true,
      reload: "stream-service-changed",
    },
    ...Object.entries(poolKeys).map(([key, schema]) => ({
      table: `proxy.${key}`,
      scopes: EVERYWHERE,
      schema,
      reload: SOURCES.has(key as PoolKey) ? "load-balancer-services-changed" : "live",
    } as const)),
  ],
  manifest: {
    net: true,
    read: true,
    write: [STATE_DIRECTORY],
    run: [HEALTH_PROGRAM],
    sys: ["networkInterfaces"],
  },
  commands,
  metrics: [EVENTS, POOLS, QUEUE_WAIT],
  check: checkPools,
  preflight: (config) => Promise.resolve([...programProblems(config)]),

  needs(config) {
    const pools = [...poolTables(config)];
    if (pools.length === 0) return {};
    const roles = ["edge", "balancer"] as const;
    const zones: ZoneRequest<Role>[] = [
      zone(sharedTime, { name: CLOCK_ZONE, roles }),
      zone(secretMemory, { name: SECRETS_ZONE, roles: ["edge"] }),
    ];
    for (const { proxy, scope, kind } of pools) {
      const members = kind === "static"
        ? proxy.upstreams.flatMap((entry) => canonicalAddress(entry) ?? [])
        : undefined;
      zones.push(zone(poolMemory, { name: poolZone(scope), settings: { members }, roles }));
      if (!proxy.load_balance.persistence.enabled) continue;
      const size = sessionsSize(proxy.load_balance);
      zones.push(zone(sessionMemory, { name: sessionZone(scope), size, settings: size, roles }));
    }
    const grants = pools.map(grantsOf);
    return {
      zones,
      grants: {
        net: grants.flatMap(({ net = [] }) => net),
        read: grants.flatMap(({ read = [] }) => read),
        write: grants.flatMap(({ write = [] }) => write),
        run: grants.flatMap(({ run = [] }) => run),
        sys: grants.flatMap(({ sys = [] }) => sys),
      },
      files: pools.flatMap(filesOf),
    };
  },

  threads: [{
    role: "balancer",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => !poolTables(config).next().done,
    tables: ["vhosts", "proxy", "stream"],
    // The first members, and what operators have taken out, are to be known before requests come.
    startsBefore: "serving",
    whenLost: "replace",
    asks: [],
  }, {
    // The endpoints of the admin API, also where a reload may bring the first pool.
    role: "control",
    wanted: (config) => adminOf(config) !== undefined,
    tables: POOL_SHAPE,
    whenLost: "replace",
    asks: BALANCER_CALLS.map((name) => `balancer.${name}`),
  }],

  edge: async () => (await import("./edge.ts")).edge,
};
