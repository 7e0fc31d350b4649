import assert from "node:assert/strict";
import { exchangeFixture, type RequestFixture } from "../testing/exchange_fixture.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { compileHttpsRedirect, type HttpsRedirectScope } from "./https_redirect.ts";

type Settings = HttpsRedirectScope["config"]["server"]["https_redirect"];

function redirected(request: RequestFixture, settings: Partial<Settings> = {}): Exchange {
  const exchange = exchangeFixture(request);
  const step = compileHttpsRedirect(scope(settings));
  assert(step !== undefined);
  void step(exchange);
  return exchange;
}

function scope(
  settings: Partial<Settings>,
  route: HttpsRedirectScope["route"] = undefined,
): HttpsRedirectScope {
  return {
    config: { server: { https_redirect: { enabled: true, status: 308, ...settings } } },
    route,
  };
}

function location(exchange: Exchange): string | undefined {
  return exchange.response.get("location");
}

Deno.test("a cleartext request is sent to the same URI on HTTPS", () => {
  const exchange = redirected({ target: "/a/b?c=d", authority: "Example.COM" });
  assert.equal(exchange.status, 308);
  assert.equal(location(exchange), "https://example.com/a/b?c=d");
  assert.equal(exchange.refusal, undefined);
});

Deno.test("the port that came is dropped", () => {
  assert.equal(location(redirected({ authority: "example.com:8080" })), "https://example.com/");
});

Deno.test("the target port is named unless it is 443", () => {
  assert.equal(location(redirected({}, { target_port: 8443 })), "https://example.com:8443/");
  assert.equal(location(redirected({}, { target_port: 443 })), "https://example.com/");
});

Deno.test("an IPv6 host gets its brackets back", () => {
  assert.equal(location(redirected({ authority: "[2001:DB8::1]:80" })), "https://[2001:db8::1]/");
});

Deno.test("the configured status is used", () => {
  assert.equal(redirected({}, { status: 301 }).status, 301);
});

Deno.test("a request over TLS is left alone", () => {
  assert.equal(redirected({ tls: {} }).status, 0);
});

Deno.test("what X-Forwarded-Proto says does not count", () => {
  assert.equal(redirected({ fields: [["x-forwarded-proto", "https"]] }).status, 308);
});

for (const authority of ["", "a..example"]) {
  Deno.test(`the host "${authority}" is refused without a location`, () => {
    const exchange = redirected({ authority });
    assert.equal(exchange.status, 400);
    assert.equal(exchange.refusal?.text, "missing or invalid host");
    assert.equal(location(exchange), undefined);
  });
}

for (const target of ["*", "/a?\u0085"]) {
  Deno.test(`the target ${JSON.stringify(target)} is refused`, () => {
    assert.equal(redirected({ target }).status, 400);
  });
}

Deno.test("there is no step where it is off, for exempt routes and for redirect routes", () => {
  assert.equal(compileHttpsRedirect(scope({ enabled: false })), undefined);
  assert.equal(compileHttpsRedirect(scope({}, { https_redirect_exempt: true })), undefined);
  const to = { to: "https://example.com/", status: 308 } as const;
  const route = { https_redirect_exempt: false, redirect: to };
  assert.equal(compileHttpsRedirect(scope({}, route)), undefined);
  assert(compileHttpsRedirect(scope({}, { https_redirect_exempt: false })) !== undefined);
});
