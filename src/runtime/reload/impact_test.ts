import assert from "node:assert/strict";
import type { Config, TableSchema } from "../../config/types.ts";
import { profile } from "../../profiles/development.ts";
import { z } from "zod";
import { classifyReload } from "./impact.ts";

type Tables = Record<string, unknown>;

const TABLES = profile.modules.flatMap((module) => module.schema);

/** Tables as modules would make them, most of which are not part of every build. */
function config(tables: Tables): Config {
  const base: Tables = {
    server: { listen: ["127.0.0.1:8080"], process: { threads: 1 }, limits: { max_uri_bytes: 1 } },
    logging: { level: "info", access: { enabled: true } },
    vhosts: [{ name: "a", hosts: ["a.test"], routes: [] }],
  };
  return { ...base, ...tables } as unknown as Config;
}

function reasonsFor(
  before: Tables,
  after: Tables,
  tables: readonly TableSchema[] = TABLES,
): readonly string[] {
  return classifyReload(config(before), config(after), tables).reasons;
}

function vhost(tables: Tables, routes: Tables[] = []): Tables {
  return { vhosts: [{ name: "a", hosts: ["a.test"], ...tables, routes }] };
}

Deno.test("equal configurations are a noop, whatever objects they are", () => {
  assert.deepEqual(classifyReload(config({}), config({}), TABLES), { impact: "noop", reasons: [] });
});

const LIVE: readonly (readonly [name: string, before: Tables, after: Tables])[] = [
  ["an upstream", vhost({ proxy: { upstream: "a:1" } }), vhost({ proxy: { upstream: "b:1" } })],
  ["a new vhost", {}, vhost({ web: { root: "/srv" } })],
  ["the access log", {}, { logging: { level: "info", access: { enabled: false } } }],
  ["headers", { headers: { hsts: true } }, { headers: { hsts: false } }],
  ["certificates", { tls: { certificates: [] } }, { tls: { certificates: [{ cert: "/c" }] } }],
  [
    "a pool's weights",
    vhost({ proxy: { upstreams: ["a:1", "b:1"] } }),
    vhost({ proxy: { upstreams: ["a:1", "b:1"], upstream_weights: [1, 2] } }),
  ],
];

for (const [name, before, after] of LIVE) {
  Deno.test(`${name} can be changed live`, () => {
    const { impact, reasons } = classifyReload(config(before), config(after), TABLES);
    assert.equal(impact, "snapshot", reasons.join());
  });
}

const UPGRADES: readonly (readonly [reason: string, before: Tables, after: Tables])[] = [
  ["listener-changed", {}, {
    server: { listen: ["[::]:80"], process: { threads: 1 }, limits: { max_uri_bytes: 1 } },
  }],
  ["listener-security-changed", {}, {
    server: { listen: ["127.0.0.1:8080"], process: { threads: 1 }, limits: { max_uri_bytes: 2 } },
  }],
  ["process-settings-changed", {}, {
    server: { listen: ["127.0.0.1:8080"], process: { threads: 2 }, limits: { max_uri_bytes: 1 } },
  }],
  ["logging-runtime-changed", {}, { logging: { level: "warn", access: { enabled: true } } }],
  ["tls-mode-changed", {}, { tls: { enabled: true } }],
  ["tls-backend-changed", {}, { tls: { backend: "openssl" } }],
  ["tls-client-auth-changed", {}, { tls: { client_auth: { mode: "required" } } }],
  ["compliance-mode-changed", {}, { tls: { iso19790: { required: true } } }],
  ["acme-service-changed", {}, { tls: { acme: { enabled: true } } }],
  ["acme-service-changed", {}, vhost({ tls: { acme: { enabled: true } } })],
  ["admin-service-changed", {}, { admin: { enabled: true } }],
  ["metrics-service-changed", {}, { metrics: { enabled: true } }],
  ["tracing-service-changed", {}, { tracing: { enabled: true } }],
  ["cache-purger-service-changed", {}, { cache_purger: { enabled: true } }],
  ["stream-service-changed", {}, { stream: { enabled: true } }],
  ["udp-service-changed", {}, { udp: { enabled: true } }],
  [
    "load-balancer-services-changed",
    vhost({}, [{ name: "r", proxy: { upstreams_file: "/u", upstreams_file_refresh_secs: 5 } }]),
    vhost({}, [{ name: "r", proxy: { upstreams_file: "/u", upstreams_file_refresh_secs: 6 } }]),
  ],
  ["unclassified-process-state-changed", {}, { wasm: { enabled: true } }],
  ["unclassified-process-state-changed", {}, {
    logging: { sampled: 3, level: "info", access: { enabled: true } },
  }],
];

for (const [reason, before, after] of UPGRADES) {
  Deno.test(`${reason} needs a new process: ${Object.keys(after)[0]}`, () => {
    assert.deepEqual(reasonsFor(before, after), [reason]);
    assert.deepEqual(reasonsFor(after, before), [reason]);
  });
}

Deno.test("all reasons are given, in the order of the table", () => {
  const after = {
    admin: { enabled: true },
    tls: { enabled: true },
    wasm: {},
    stream: { routes: [] },
  };
  assert.deepEqual(reasonsFor({}, after), [
    "tls-mode-changed",
    "admin-service-changed",
    "stream-service-changed",
    "unclassified-process-state-changed",
  ]);
});

/** A table of a module, for which a change of its workers alone needs a new process. */
const POOL: TableSchema = {
  table: "pool",
  scopes: ["vhost", "route"],
  schema: z.unknown(),
  reload: {
    reason: "managed-php-service-changed",
    view: (table) => Reflect.get(Object(table), "workers"),
  },
};

Deno.test("of a table with a view only what that shows needs a new process", () => {
  const own = (workers: number, timeout: number) => vhost({ pool: { workers, timeout } });
  assert.deepEqual(reasonsFor(own(3, 1), own(3, 2), [POOL]), []);
  assert.deepEqual(reasonsFor(own(3, 1), own(4, 1), [POOL]), ["managed-php-service-changed"]);
  assert.deepEqual(reasonsFor({}, own(4, 1), [POOL]), ["managed-php-service-changed"]);
});

Deno.test("a table of vhosts that says nothing of reloads is unclassified", () => {
  const silent: TableSchema = { table: "pool", scopes: ["vhost"], schema: z.unknown() };
  const after = vhost({ pool: { workers: 3 } });
  assert.deepEqual(reasonsFor({}, after, [silent]), ["unclassified-process-state-changed"]);
});

Deno.test("a module's own class holds in place of the catalog's", () => {
  const own: TableSchema = {
    table: "stream",
    scopes: ["root"],
    schema: z.unknown(),
    reload: "live",
  };
  assert.deepEqual(reasonsFor({}, { stream: { enabled: true } }, [own]), []);
});

Deno.test("every table of every module says what a change of it asks for", () => {
  assert.deepEqual(TABLES.filter(({ reload }) => reload === undefined), []);
});

const OFF = { enabled: false, profile: "modern", backend: "rustls", client_auth: { mode: "off" } };

const INERT: readonly (readonly [name: string, before: Tables, after: Tables])[] = [
  ["a table that is off", {}, { tls: OFF }],
  ["the rest of a table that is off", { tls: OFF }, { tls: { ...OFF, profile: "compat" } }],
  ["an unclassified table that is off", {}, { wasm: { enabled: false, modules: 3 } }],
  ["a service that is off", { admin: { enabled: false } }, { admin: { enabled: false, port: 1 } }],
  ["a table in a table that is off", {}, {
    tls: { ...OFF, acme: { enabled: true }, iso19790: { required: false } },
  }],
  [
    "a log file that is not written",
    { logging: { level: "info", file: { enabled: false } } },
    { logging: { level: "info", file: { enabled: false, path: "/log" } } },
  ],
];

for (const [name, before, after] of INERT) {
  Deno.test(`${name} has no effect, so it can change live`, () => {
    assert.deepEqual(reasonsFor(before, after), []);
    assert.deepEqual(reasonsFor(after, before), []);
  });
}

Deno.test("of a table that is switched on the switch has changed, not all it says", () => {
  const on = { ...OFF, enabled: true };
  for (const before of [{}, { tls: OFF }]) {
    assert.deepEqual(reasonsFor(before, { tls: on }), ["tls-mode-changed"]);
    assert.deepEqual(reasonsFor({ tls: on }, before), ["tls-mode-changed"]);
  }
  const file = (enabled: boolean) => ({ logging: { level: "info", file: { enabled } } });
  assert.deepEqual(reasonsFor(file(false), file(true)), ["logging-runtime-changed"]);
});
