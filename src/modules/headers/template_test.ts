import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { PathPattern } from "../../gateway/route/regex.ts";
import { templateProblem, toByteString, ValueTemplate } from "./template.ts";

function rendered(text: string, request: Parameters<typeof exchangeFixture>[0] = {}): string {
  assert.equal(templateProblem(text, "set"), undefined);
  return new ValueTemplate(text).render(exchangeFixture(request));
}

Deno.test("a value without variables is the same for every request", () => {
  assert.equal(new ValueTemplate("a b").constant, "a b");
  assert.equal(new ValueTemplate("a {host}").constant, undefined);
});

Deno.test("variables tell what was asked for", () => {
  const request = { target: "/a/b?c=d", authority: "Example.com:81", clientAddress: "2001:db8::1" };
  assert.equal(rendered("{scheme}://{host}{uri}", request), "http://Example.com:81/a/b?c=d");
  assert.equal(rendered("{path} {query} {remote_addr}", request), "/a/b c=d 2001:db8::1");
  assert.equal(rendered("{scheme}", { tls: {} }), "https");
});

Deno.test("a value that the request does not have is empty", () => {
  assert.equal(rendered("[{query}{request_id}{tls.version}{http.x-a}{route.regex.1}]"), "[]");
});

Deno.test("the request id is inserted", () => {
  const exchange = exchangeFixture();
  exchange.requestId = "fh-1";
  assert.equal(new ValueTemplate("{request_id}").render(exchange), "fh-1");
});

Deno.test("variables tell about the TLS connection", () => {
  const client = { sha256: "ab", serial: "0C", organization: "Größe" };
  const tls = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", client };
  assert.equal(rendered("{tls.version} {tls.cipher}", { tls }), "TLSv1.3 TLS_AES_128_GCM_SHA256");
  assert.equal(rendered("{tls.client_cert_sha256} {tls.client_cert_serial}", { tls }), "ab 0C");
  // UTF-8, one character a byte.
  assert.equal(rendered("{tls.client_cert_organization}", { tls }), "Gr\u00c3\u00b6\u00c3\u009fe");
});

Deno.test("the client's place is inserted, and nothing where that is not known", () => {
  const template = new ValueTemplate("{geo.country}/{geo.asn}");
  const exchange = exchangeFixture();
  assert.equal(template.render(exchange), "/");
  exchange.findings.country = "SE";
  exchange.findings.asn = 64500;
  assert.equal(template.render(exchange), "SE/64500");
});

Deno.test("what the gateway vouches for is not appended to what a client claims", () => {
  for (const variable of ["{geo.country}", "{geo.asn}", "{tls.client_cert_sha256}"]) {
    assert.match(templateProblem(variable, "append") ?? "", /stand in set only/, variable);
  }
});

Deno.test("a request field is inserted, several lines as a list", () => {
  const fields = [["x-a", "1"], ["x-a", "2"], ["cookie", "a"], ["cookie", "b"]] as const;
  assert.equal(rendered("{http.X-A} {http.cookie}", { fields }), "1, 2 a; b");
});

Deno.test("captures are inserted, by number and by name", () => {
  const pattern = PathPattern.parse("^/(?P<kind>[a-z]+)/([0-9]+)");
  assert(pattern instanceof PathPattern);
  const exchange = exchangeFixture();
  exchange.captures = pattern.captures("/item/42");
  const template = new ValueTemplate("{route.regex.kind} {route.regex.2} {route.regex.9}");
  assert.equal(template.render(exchange), "item 42");
});

Deno.test("control characters of inserted values are left out", () => {
  assert.equal(rendered("[{http.x-a}]", { fields: [["x-a", "a\tb\x7f\r\nc"]] }), "[abc]");
});

Deno.test("hidden variables are empty", () => {
  const isHidden = (variable: string) => variable === "http.X-Real-IP";
  const exchange = exchangeFixture({ fields: [["x-real-ip", "1.1.1.1"], ["x-a", "a"]] });
  const template = new ValueTemplate("[{http.X-Real-IP}{http.x-a}]", isHidden);
  assert.equal(template.render(exchange), "[a]");
});

for (
  const [text, wrong] of [
    ["{nope}", /\{nope\} is not one of/],
    ["{", /close/],
    ["}", /close/],
    ["{host", /close/],
    ["{http.}", /is not one of/],
    ["{http.a b}", /is not one of/],
    ["{route.regex.16}", /is not one of/],
    ["{toString}", /is not one of/],
  ] as const
) {
  Deno.test(`${text} is refused`, () => {
    assert.match(templateProblem(text, "set") ?? "", wrong);
  });
}

Deno.test("text is kept as UTF-8 with one character a byte", () => {
  assert.equal(toByteString("abc"), "abc");
  assert.equal(toByteString("é"), "\u00c3\u00a9");
  assert.equal(new ValueTemplate("é").constant, "\u00c3\u00a9");
});
