import assert from "node:assert/strict";
import type { Config } from "../../config/types.ts";
import { loggingSchema } from "../../config/schema/logging_schema.ts";
import { serverSchema } from "../../config/schema/server_schema.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import type { RunningModule } from "../../gateway/module.ts";
import { Fields } from "../../http/fields.ts";
import { configOf as configWith, contextOf, started } from "../../gateway/testing/modules.ts";
import { module } from "./module.ts";
import { HeaderPolicies } from "./policies.ts";
import { headersSchema } from "./schema.ts";

interface Tables {
  readonly root?: unknown;
  readonly vhost?: unknown;
  readonly route?: unknown;
}

/** A vhost with one route, each with its `headers` table where one is given. */
function configOf({ root, vhost, route }: Tables): Config {
  const tables = (table: unknown) =>
    table === undefined ? {} : { headers: headersSchema.parse(table) };
  return configWith(tables(vhost), tables(route), tables(root));
}

function start(config: Config): Promise<RunningModule> {
  return started(module, contextOf(config, [module]));
}

/** Names in the answer of the vhost's own scope, and of its route's. */
async function answers(config: Config): Promise<string[][]> {
  const running = await start(config);
  return Array.from(scopesOf(config), (scope) => {
    const exchange = exchangeFixture();
    exchange.response = new Fields();
    void running.plan(scope)?.response?.(exchange);
    return [...exchange.response.names];
  });
}

Deno.test("every scope has a response step, also without any table", async () => {
  const [vhost, route] = await answers(configOf({}));
  assert(vhost.includes("x-frame-options"));
  assert.deepEqual(route, vhost);
});

Deno.test("a route's table is laid over those around it", async () => {
  const config = configOf({
    root: { response: { set: { "x-root": "1" } } },
    vhost: { response: { set: { "x-vhost": "1" } } },
    route: { response: { set: { "x-route": "1" } } },
  });
  const [vhost, route] = await answers(config);
  const own = (names: string[]) => names.filter((name) => /x-(root|vhost|route)/.test(name));
  assert.deepEqual(own(vhost), ["x-root", "x-vhost"]);
  assert.deepEqual(own(route), ["x-root", "x-vhost", "x-route"]);
});

Deno.test("a check step is there only where CORS is on", async () => {
  const cors = { enabled: true, allow_origins: ["https://a.example"] };
  const config = configOf({ route: { response: { cors } } });
  const running = await start(config);
  const steps = Array.from(scopesOf(config), (scope) => running.plan(scope)?.check !== undefined);
  assert.deepEqual(steps, [false, true]);
});

Deno.test("the request policy knows trusted proxies and the field of the request id", () => {
  const config: Config = {
    ...configOf({ root: { request: { x_forwarded_for: "append" } } }),
    server: serverSchema.parse({ trusted_proxies: ["192.0.2.0/24"] }),
    logging: loggingSchema.parse({ access: { request_id_header: "X-Trace" } }),
  };
  const [scope] = scopesOf(config);
  const exchange = exchangeFixture({ fields: [["x-forwarded-for", "1.1.1.1"], ["x-trace", "a"]] });
  exchange.requestId = "fh-1";
  const fields = new Fields();
  new HeaderPolicies(config).request(scope).apply(exchange, fields);
  assert.equal(fields.get("x-forwarded-for"), "1.1.1.1, 192.0.2.1");
  assert.deepEqual(fields.all("x-trace"), ["fh-1"]);
});

Deno.test("scopes with the same tables share a policy, scopes with others do not", () => {
  const alike = configOf({ root: {} });
  const [vhost, route] = scopesOf(alike);
  const policies = new HeaderPolicies(alike);
  assert.equal(policies.request(vhost), policies.request(route));
  assert.notEqual(policies.request(vhost), policies.request(vhost, { zeroRetention: true }));
  const unlike = configOf({ route: { request: {} } });
  const [other, own] = scopesOf(unlike);
  const others = new HeaderPolicies(unlike);
  assert.notEqual(others.request(other), others.request(own));
});

Deno.test("under zero retention no request id is sent", () => {
  const config = configOf({});
  const [scope] = scopesOf(config);
  const exchange = exchangeFixture();
  exchange.requestId = "fh-1";
  const fields = new Fields();
  new HeaderPolicies(config).request(scope, { zeroRetention: true }).apply(exchange, fields);
  assert.equal(fields.get("x-request-id"), undefined);
  assert.equal(fields.get("x-forwarded-for"), undefined);
});

Deno.test("what only merged tables show is reported where it was completed", () => {
  const check = (tables: Tables) => module.check?.(configOf(tables)).map(({ key }) => key);
  assert.deepEqual(check({}), []);
  assert.deepEqual(
    check({
      root: { response: { hsts: { enabled: false, max_age_secs: 0 } } },
      route: { response: { hsts: { enabled: true } } },
    }),
    ["vhosts[0].routes[0].headers.response.hsts"],
  );
  const open = { cors: { enabled: true, allow_origins: ["*"] } };
  assert.deepEqual(check({ root: { response: open } }), []);
  assert.deepEqual(check({ root: { response: { cors: { enabled: true } } } }), [
    "headers.response.cors",
  ]);
  assert.deepEqual(
    check({
      root: { response: { cors: { allow_credentials: true } } },
      vhost: { response: { cors: { enabled: true, allow_origins: ["*"] } } },
    }),
    ["vhosts[0].headers.response.cors"],
  );
});

Deno.test("a star beside credentials, which browsers read as a name, is refused by its list", () => {
  const check = (tables: Tables) => module.check?.(configOf(tables)).map(({ key }) => key);
  const cors = { enabled: true, allow_origins: ["https://a.example"] };
  for (const list of ["allow_methods", "allow_headers", "expose_headers"]) {
    const root = { response: { cors: { ...cors, [list]: ["*"] } } };
    assert.deepEqual(check({ root }), [], list);
    assert.deepEqual(
      check({ root, vhost: { response: { cors: { allow_credentials: true } } } }),
      [`vhosts[0].headers.response.cors.${list}`],
    );
  }
});

Deno.test("the explanation tells what is written and deleted", async () => {
  const config = configOf({});
  const running = await start(config);
  const [scope] = scopesOf(config);
  assert.match(running.explain?.(scope, exchangeFixture()) ?? "", /nosniff.*deletes x-powered-by/);
});
