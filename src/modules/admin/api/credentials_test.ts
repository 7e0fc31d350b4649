import assert from "node:assert/strict";
import { HttpExchange } from "../../../http/exchange.ts";
import { Fields } from "../../../http/fields.ts";
import { Token } from "./credentials.ts";

function isLetIn(token: Token, ...values: readonly string[]): boolean {
  const exchange = new HttpExchange({
    peerAddress: "127.0.0.1",
    peerPort: 1,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: 2,
    listener: "",
    tls: undefined,
  });
  exchange.request = Fields.of(
    ...values.map((value): [string, string] => ["authorization", value]),
  );
  return token.isIn(exchange);
}

/** A text as a client sends it. */
function octets(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

Deno.test("a token is compared by its octets, whatever its characters are", () => {
  for (const text of ["plain", "pässwört", "voilà", "日本語"]) {
    const token = new Token(text);
    assert.ok(isLetIn(token, `Bearer ${octets(text)}`), text);
    assert.ok(isLetIn(token, `Bearer  ${octets(text)}\t`), text);
    assert.ok(!isLetIn(token, `Bearer ${octets(text)}x`), text);
    assert.ok(!isLetIn(token, `Bearer ${octets(text).slice(1)}`), text);
  }
});

Deno.test("one field with the scheme as it is written, and nothing else, is a credential", () => {
  const token = new Token("abc");
  assert.ok(!isLetIn(token));
  assert.ok(!isLetIn(token, ""));
  assert.ok(!isLetIn(token, "Bearer"));
  assert.ok(!isLetIn(token, "Bearer "));
  assert.ok(!isLetIn(token, "bearer abc"));
  assert.ok(!isLetIn(token, "Bearer abc", "Bearer abc"));
  assert.ok(!isLetIn(token, `Bearer abc${" ".repeat(9_000)}`), "longer than a token may be");
  token.replace("other");
  assert.ok(!isLetIn(token, "Bearer abc"));
  assert.ok(isLetIn(token, "Bearer other"));
});

Deno.test("of two Authorization fields none is the token, whichever comes first", () => {
  const token = new Token("abc");
  assert.ok(!isLetIn(token, "Bearer abc", "Bearer guess"));
  assert.ok(!isLetIn(token, "Bearer guess", "Bearer abc"));
});
