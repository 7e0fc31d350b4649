import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { authorizationOf } from "./credentials.ts";

const RIGHT = `Basic ${btoa("anna:secret")}`;

Deno.test("of two Authorization fields none counts, whichever comes first", () => {
  const other = `Basic ${btoa("other:guess")}`;
  const of = (...values: readonly string[]) =>
    authorizationOf(exchangeFixture({ fields: values.map((value) => ["authorization", value]) }));
  assert.equal(of(RIGHT), RIGHT);
  assert.equal(of(RIGHT, other), undefined);
  assert.equal(of(other, RIGHT), undefined);
  assert.equal(of(RIGHT, RIGHT), undefined);
});
