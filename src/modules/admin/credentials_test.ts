import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { Token } from "./credentials.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

Deno.test("of two Authorization fields none is the token, whichever comes first", () => {
  const token = new Token(TOKEN);
  const isIn = (...values: readonly string[]) =>
    token.isIn(exchangeFixture({ fields: values.map((value) => ["authorization", value]) }));
  assert.equal(isIn(`Bearer ${TOKEN}`), true);
  assert.equal(isIn(`Bearer ${TOKEN}`, "Bearer guess"), false);
  assert.equal(isIn("Bearer guess", `Bearer ${TOKEN}`), false);
  assert.equal(isIn(), false);
});
