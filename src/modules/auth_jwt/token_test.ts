import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { BROKEN, tokenOf } from "./token.ts";

const of = (fields: readonly (readonly [string, string])[]) =>
  tokenOf(exchangeFixture({ fields }), "session");

Deno.test("a token comes from Authorization, or else from the cookie", () => {
  assert.equal(of([["authorization", "Bearer a.b.c"], ["cookie", "session=d.e.f"]]), "a.b.c");
  assert.equal(of([["cookie", "other=1; session=d.e.f"]]), "d.e.f");
  assert.equal(of([]), undefined);
});

Deno.test("of two tokens none counts, and a cookie does not stand in for them", () => {
  const two = [["authorization", "Bearer a.b.c"], ["authorization", "Bearer a.b.d"]] as const;
  assert.equal(of(two), BROKEN);
  assert.equal(of([...two, ["cookie", "session=d.e.f"]]), BROKEN);
  assert.equal(of([["cookie", "session=a.b.c; session=d.e.f"]]), BROKEN);
  assert.equal(of([["cookie", "session=a.b.c"], ["cookie", "session=d.e.f"]]), BROKEN);
});
