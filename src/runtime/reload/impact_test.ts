import assert from "node:assert/strict";
import type { Config } from "../../config/types.ts";
import { classifyReload } from "./impact.ts";

type Tables = Record<string, unknown>;

/** Tables as modules would make them, most of which are not part of every build. */
function config(tables: Tables): Config {
  const base: Tables = {
    server: { listen: ["127.0.0.1:8080"], process: { threads: 1 }, limits: { max_uri_bytes: 1 } },
    logging: { level: "info", access: { enabled: true } },
    vhosts: [{ name: "a", hosts: ["a.test"], routes: [] }],
  };
  return { ...base, ...tables } as unknown as Config;
}

function reasonsFor(before: Tables, after: Tables): readonly string[] {
  return classifyReload(config(before), config(after)).reasons;
}

function vhost(tables: Tables, routes: Tables[] = []): Tables {
  return { vhosts: [{ name: "a", hosts: ["a.test"], ...tables, routes }] };
}

Deno.test("equal configurations are a noop, whatever objects they are", () => {
  assert.deepEqual(classifyReload(config({}), config({})), { impact: "noop", reasons: [] });
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
    const { impact, reasons } = classifyReload(config(before), config(after));
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
  ["managed-php-service-changed", {}, vhost({ php: { fpm: { mode: "managed", workers: 3 } } })],
  ["admin-service-changed", {}, { admin: { enabled: true } }],
  ["metrics-service-changed", {}, { metrics: { enabled: true } }],
  ["tracing-service-changed", {}, { tracing: { enabled: true } }],
  ["cache-purger-service-changed", {}, { cache_purger: { enabled: true } }],
  ["stream-service-changed", {}, { stream: { enabled: true } }],
  ["udp-service-changed", {}, { udp: { enabled: true } }],
  [
    "load-balancer-services-changed",
    vhost({ proxy: { upstreams: ["a:1", "b:1"] } }),
    vhost({ proxy: { upstreams: ["b:1", "a:1"] } }),
  ],
  [
    "load-balancer-services-changed",
    vhost({}, [{ name: "r", proxy: { upstreams_file: "/u", upstreams_file_refresh_secs: 5 } }]),
    vhost({}, [{ name: "r", proxy: { upstreams_file: "/u", upstreams_file_refresh_secs: 6 } }]),
  ],
  [
    "load-balancer-services-changed",
    vhost({ proxy: { upstreams: ["a:1"], upstream_dns_refresh_secs: 5 } }),
    vhost({ proxy: { upstreams: ["b:1"], upstream_dns_refresh_secs: 5 } }),
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

Deno.test("the connection settings of a managed php-fpm are not its process", () => {
  const fpm = { mode: "managed", workers: 3 };
  const before = vhost({ php: { fpm } });
  const after = vhost({ php: { fpm: { ...fpm, keepalive: false, retry_statuses: [502] } } });
  assert.deepEqual(reasonsFor(before, after), []);
});

Deno.test("an external php-fpm is not a managed one", () => {
  const after = vhost({ php: { fpm: { mode: "external", socket: "/run/php.sock" } } });
  assert.deepEqual(reasonsFor({}, after), []);
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
