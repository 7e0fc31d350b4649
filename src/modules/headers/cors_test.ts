import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { Fields } from "../../http/fields.ts";
import { responseSettings } from "./merge.ts";
import { ResponsePolicy } from "./response_policy.ts";
import { headersSchema } from "./schema.ts";

const APP = "https://app.example";
const TABLE = {
  enabled: true,
  allow_origins: [APP, "https://other.example"],
  allow_methods: ["GET", "PUT"],
  allow_headers: ["X-Token"],
  expose_headers: ["X-Total"],
  max_age_secs: 600,
};

interface Case {
  readonly cors?: Record<string, unknown>;
  readonly table?: Record<string, unknown>;
  readonly method?: string;
  readonly fields?: [string, string][];
  readonly answer?: [string, string][];
}

/** Status, and the fields of CORS and `vary`. */
function asked({ cors = TABLE, table = {}, method = "GET", fields = [], answer = [] }: Case) {
  const headers = headersSchema.parse({ response: { ...table, cors } });
  const settings = responseSettings({ config: { headers }, vhost: {}, route: undefined });
  const policy = new ResponsePolicy(settings);
  const exchange = exchangeFixture({ method, fields });
  policy.check?.(exchange);
  if (exchange.status === 0) {
    exchange.status = 200;
    exchange.response = Fields.of(...answer);
  }
  policy.apply(exchange);
  const found = [...exchange.response]
    .filter(([name]) => name === "vary" || name.startsWith("access-control-"))
    .map(([name, value]) => `${name.replace("access-control-", "")}: ${value}`);
  return { status: exchange.status, fields: found };
}

function preflight(origin: string, method = "PUT", cors?: Record<string, unknown>) {
  return asked({
    cors,
    method: "OPTIONS",
    fields: [["origin", origin], ["access-control-request-method", method]],
  });
}

Deno.test("an allowed origin may read, and the answer varies", () => {
  assert.deepEqual(asked({ fields: [["origin", APP]] }).fields, [
    "vary: Origin",
    `allow-origin: ${APP}`,
    "expose-headers: X-Total",
  ]);
});

Deno.test("another origin may not, and the answer varies all the same", () => {
  assert.deepEqual(asked({ fields: [["origin", "https://evil.example"]] }).fields, [
    "vary: Origin",
  ]);
  assert.deepEqual(asked({}).fields, ["vary: Origin"]);
});

Deno.test("what an upstream says about CORS is replaced", () => {
  const answer: [string, string][] = [
    ["access-control-allow-origin", "*"],
    ["access-control-allow-credentials", "true"],
    ["vary", "Accept, origin"],
  ];
  assert.deepEqual(asked({ answer }).fields, ["vary: Accept, origin"]);
});

Deno.test("Vary is added to what is there", () => {
  assert.deepEqual(asked({ answer: [["vary", "Accept"], ["vary", "Cookie"]] }).fields, [
    "vary: Accept, Cookie, Origin",
  ]);
  assert.deepEqual(asked({ answer: [["vary", "*"]] }).fields, ["vary: *"]);
});

Deno.test("all origins may read with a star, and nothing varies", () => {
  const cors = { enabled: true, allow_origins: ["*"] };
  assert.deepEqual(asked({ cors, fields: [["origin", APP]] }).fields, ["allow-origin: *"]);
});

Deno.test("credentials are allowed by name", () => {
  const cors = { ...TABLE, allow_credentials: true };
  const { fields } = asked({ cors, fields: [["origin", APP]] });
  assert(fields.includes("allow-credentials: true"));
});

Deno.test("a preflight is answered here", () => {
  assert.deepEqual(preflight(APP), {
    status: 204,
    fields: [
      "vary: Origin",
      `allow-origin: ${APP}`,
      "allow-methods: GET, PUT",
      "allow-headers: X-Token",
      "max-age: 600",
    ],
  });
});

Deno.test("a preflight of another origin or for another method is answered without leave", () => {
  assert.deepEqual(preflight("https://evil.example"), { status: 204, fields: ["vary: Origin"] });
  assert.deepEqual(preflight(APP, "DELETE").fields, ["vary: Origin", `allow-origin: ${APP}`]);
});

Deno.test("the simple methods are allowed by default", () => {
  const cors = { enabled: true, allow_origins: [APP] };
  assert(preflight(APP, "POST", cors).fields.includes("allow-methods: GET, HEAD, POST"));
});

Deno.test("a star allows every method", () => {
  const cors = { ...TABLE, allow_methods: ["*"] };
  for (const method of ["PUT", "DELETE", "PURGE"]) {
    assert(preflight(APP, method, cors).fields.includes("allow-methods: *"), method);
  }
  assert(!preflight("https://evil.example", "PUT", cors).fields.includes("allow-methods: *"));
});

Deno.test("OPTIONS that is no preflight goes on to the content", () => {
  assert.equal(asked({ method: "OPTIONS", fields: [["origin", APP]] }).status, 200);
  const fields: [string, string][] = [["access-control-request-method", "PUT"]];
  assert.equal(asked({ method: "OPTIONS", fields }).status, 200);
  assert.equal(asked({ method: "GET", fields: [["origin", APP], ...fields] }).status, 200);
});

Deno.test("the policy may delete or replace what CORS writes", () => {
  const table = { unset: ["access-control-expose-headers"], set: { vary: "x" } };
  assert.deepEqual(asked({ table, fields: [["origin", APP]] }).fields, [
    `allow-origin: ${APP}`,
    "vary: x",
  ]);
});

Deno.test("there is no check where CORS is off", () => {
  const headers = headersSchema.parse({ response: { cors: { allow_origins: [APP] } } });
  const settings = responseSettings({ config: { headers }, vhost: {}, route: undefined });
  assert.equal(new ResponsePolicy(settings).check, undefined);
});
