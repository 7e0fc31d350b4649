import assert from "node:assert/strict";
import type { VhostConfig } from "../../config/types.ts";
import { exchangeFixture, type RequestFixture } from "../testing/exchange_fixture.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { compileRedirect, matchedRoutes } from "./redirect.ts";

function redirected(to: string, request: RequestFixture): Exchange {
  const exchange = exchangeFixture(request);
  void compileRedirect({ to, status: 302 })(exchange);
  return exchange;
}

function location(to: string, request: RequestFixture): string | undefined {
  return redirected(to, request).response.get("location");
}

Deno.test("a target takes the URI, the path or the query of the request", () => {
  const request = { target: "/a/b?c=d" };
  assert.equal(location("https://example.org{uri}", request), "https://example.org/a/b?c=d");
  assert.equal(location("https://example.org{path}", request), "https://example.org/a/b");
  assert.equal(location("https://example.org/x?{query}&y", request), "https://example.org/x?c=d&y");
});

Deno.test("a target takes the host, and may be a path on the same host", () => {
  const request = { target: "/a?b", authority: "Shop.example:8080" };
  assert.equal(location("https://{host}{uri}", request), "https://shop.example/a?b");
  assert.equal(location("https://www.{host}:444{path}", request), "https://www.shop.example:444/a");
  assert.equal(location("{path}/", request), "/a/");
  assert.equal(location("/new{uri}", request), "/new/a?b");
});

Deno.test("a target takes captures, and none of them makes a host of a path", () => {
  const byIndex = ["/item/7%20x", "7%20x", "/evil.example"];
  const captures = { byIndex, byName: new Map([["id", "7"]]) };
  const go = (to: string) => {
    const exchange = exchangeFixture({});
    exchange.captures = captures;
    void compileRedirect({ to, status: 302 })(exchange);
    return exchange.response.get("location") ?? exchange.refusal?.text;
  };
  assert.equal(go("/product/{route.regex.1}"), "/product/7%20x");
  assert.equal(
    go("https://shop.example/{route.regex.id}?{route.regex.9}"),
    "https://shop.example/7?",
  );
  assert.equal(go("/{route.regex.2}"), "invalid redirect target");
});

Deno.test("a missing query is empty", () => {
  assert.equal(location("https://example.org/x?{query}", {}), "https://example.org/x?");
  assert.equal(location("https://example.org{uri}", {}), "https://example.org/");
});

Deno.test("a redirect has the status, a location and no body, for any method", () => {
  const exchange = redirected("https://example.org/", { method: "POST" });
  assert.equal(exchange.status, 302);
  assert.deepEqual([...exchange.response], [
    ["location", "https://example.org/"],
    ["content-length", "0"],
  ]);
  assert.equal(exchange.responseBody, undefined);
  assert.equal(exchange.refusal, undefined);
});

Deno.test("braces of a query are passed on as they came", () => {
  assert.equal(
    location("https://example.org{uri}", { target: "/x?{}" }),
    "https://example.org/x?{}",
  );
});

for (const target of ["/x?a b", "/x?\\", "/x?\u007f", "/x?\u0085"]) {
  Deno.test(`a target made with ${JSON.stringify(target)} is refused`, () => {
    const exchange = redirected("https://example.org{uri}", { target });
    assert.equal(exchange.status, 400);
    assert.equal(exchange.refusal?.text, "invalid redirect target");
  });
}

const VHOST: VhostConfig = {
  name: "old",
  hosts: ["old.example"],
  routes: [{
    name: "health",
    fallback: false,
    methods: [],
    https_redirect_exempt: false,
    encoded_slashes: false,
  }],
};

Deno.test("an enabled vhost redirect is a fallback route behind the others", () => {
  const redirect = { enabled: true, to: "https://new.example{uri}", status: 301 } as const;
  const [first, last, ...rest] = matchedRoutes({ ...VHOST, redirect });
  assert.equal(first.name, "health");
  assert.equal(last.name, "vhost-redirect");
  assert.equal(last.fallback, true);
  assert.deepEqual(last.redirect, { to: "https://new.example{uri}", status: 301 });
  assert.deepEqual(rest, []);
});

Deno.test("a vhost without an enabled redirect keeps its routes", () => {
  assert.equal(matchedRoutes(VHOST), VHOST.routes);
  const redirect = { enabled: false, to: "https://new.example{uri}", status: 301 } as const;
  assert.equal(matchedRoutes({ ...VHOST, redirect }), VHOST.routes);
});
