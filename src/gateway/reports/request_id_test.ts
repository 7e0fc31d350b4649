import assert from "node:assert/strict";
import { exchangeFixture } from "../testing/exchange_fixture.ts";
import { isRequestId, newRequestId, requestIdStep } from "./request_id.ts";

const ON = { enabled: true, request_id: true, request_id_header: "x-request-id" };

function idFor(...sent: (readonly [string, string])[]): string {
  const exchange = exchangeFixture({ fields: sent });
  const step = requestIdStep({ logging: { access: ON } });
  assert(step !== undefined);
  void step(exchange);
  return exchange.requestId;
}

Deno.test("a new id is fh- and 32 hexadecimal digits", () => {
  assert.match(newRequestId(), /^fh-[0-9a-f]{32}$/);
});

Deno.test("new ids differ, also past the pool of randomness", () => {
  const ids = new Set(Array.from({ length: 1000 }, newRequestId));
  assert.equal(ids.size, 1000);
});

Deno.test("an id that a client sends is taken over", () => {
  assert.equal(idFor(["x-request-id", "Ab9._-"]), "Ab9._-");
});

Deno.test("the configured field is read", () => {
  const exchange = exchangeFixture({ fields: [["x-trace", "abc"], ["x-request-id", "no"]] });
  void requestIdStep({ logging: { access: { ...ON, request_id_header: "x-trace" } } })?.(exchange);
  assert.equal(exchange.requestId, "abc");
});

Deno.test("a missing id is made", () => {
  assert.match(idFor(), /^fh-/);
});

for (const text of ["", "a".repeat(129), "a b", "a:b", "a/b", "a@b", "a\n", "é", "[", "`", "{"]) {
  Deno.test(`${JSON.stringify(text)} is not taken over`, () => {
    assert(!isRequestId(text));
    assert.match(idFor(["x-request-id", text]), /^fh-/);
  });
}

Deno.test("an id of 128 characters is taken over", () => {
  assert(isRequestId("a".repeat(128)));
});

Deno.test("there are no ids without an access log, or where they are off", () => {
  assert.equal(requestIdStep({ logging: { access: { ...ON, enabled: false } } }), undefined);
  assert.equal(requestIdStep({ logging: { access: { ...ON, request_id: false } } }), undefined);
});
