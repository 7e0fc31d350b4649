import assert from "node:assert/strict";
import type { z } from "zod";
import * as values from "./values.ts";

function accepts(schema: z.ZodType, ...inputs: unknown[]): void {
  for (const input of inputs) {
    assert.ok(schema.safeParse(input).success, `refused ${String(input)}`);
  }
}

function refuses(schema: z.ZodType, ...inputs: unknown[]): void {
  for (const input of inputs) assert.ok(!schema.safeParse(input).success, `took ${String(input)}`);
}

Deno.test("a byte size is a number of bytes or digits and a unit", () => {
  assert.equal(values.byteSize().parse("64KiB"), 65536);
  assert.equal(values.byteSize().parse(10), 10);
  refuses(values.byteSize(), "64 T", -1, 1.5, "", true);
});

Deno.test("a byte size of zero is refused unless its bounds allow it", () => {
  refuses(values.byteSize(), 0, "0");
  accepts(values.byteSize({ min: 0 }), 0, "0");
});

Deno.test("a byte size keeps to its bounds whichever way it is written", () => {
  accepts(values.byteSize({ max: 1024 }), "1k", 1024);
  refuses(values.byteSize({ max: 1024 }), "2k", 1025);
});

Deno.test("a timeout is from one second to a day", () => {
  accepts(values.secs(), 1, 86_400);
  refuses(values.secs(), 0, 86_401, "30s", 1.5);
});

Deno.test("a listener is an address and a port", () => {
  accepts(values.listener(), "127.0.0.1:8080", "[::1]:443", "0.0.0.0:0");
  refuses(
    values.listener(),
    "localhost:80",
    "127.0.0.1",
    "::1:80",
    "127.0.0.1:65536",
    "[127.0.0.1]:80",
  );
});

Deno.test("an authority is a host and a port that is not zero", () => {
  accepts(values.authority(), "127.0.0.1:1", "[::1]:65535", "app.internal:3000", "localhost:80");
  refuses(
    values.authority(),
    "app",
    "app:0",
    "app:65536",
    "::1:80",
    "a..b:80",
    "u@h:80",
    "h:80/x",
    "*.a:80",
  );
});

Deno.test("an IP matcher may have host bits, unless it must be canonical", () => {
  accepts(values.ipMatcher(), "10.1.2.3", "10.1.2.3/8", "2001:db8::1/32", "0.0.0.0/0");
  refuses(
    values.ipMatcher(),
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0 /8",
    "10.0.0",
    "host",
    "10.0.0.0/08",
  );
  accepts(values.ipMatcher({ canonical: true }), "10.0.0.0/8");
  refuses(values.ipMatcher({ canonical: true }), "10.1.2.3/8");
});

Deno.test("an alias is 1 to 64 letters, digits, dots, hyphens or underscores", () => {
  accepts(values.alias(), "a", "node-1.eu_west", "x".repeat(64));
  refuses(values.alias(), "", "x".repeat(65), "a b", "a/b");
});

Deno.test("a host pattern comes out in normal form", () => {
  assert.equal(values.hostPattern().parse(" Shop.Example.:8080"), "shop.example");
  assert.equal(values.hostPattern().parse("*.Shop.Example"), "*.shop.example");
  refuses(values.hostPattern(), "*", "*.", "a.*.b", "*.127.0.0.1", "*.[::1]", "a..b", "");
});

Deno.test("a host may have underscores, as names of services do", () => {
  assert.equal(values.hostPattern().parse("Api_GW"), "api_gw");
  accepts(values.authority(), "my_app_1:3000");
});

Deno.test("a host name has no wildcard", () => {
  refuses(values.hostName(), "*.shop.example");
});

Deno.test("a path value begins with a slash and has no dot segments", () => {
  accepts(values.pathValue(), "/", "/a/b.c", "/.well-known/x", "/a//b", "/…");
  refuses(values.pathValue(), "", "a", "/a/../b", "/.", "/a?b", "/a#b", "/a\\b", "/a\tb", "/a\0");
});

Deno.test("a header name comes out in lower case", () => {
  assert.equal(values.headerName().parse("X-Tenant"), "x-tenant");
  refuses(values.headerName(), "", "a b", "a:", "ä");
});

Deno.test("a header value is visible ASCII and spaces, and not blank", () => {
  accepts(values.headerValue(), "a b", "max-age=60");
  refuses(values.headerValue(), "", "  ", "a\tb", "a\r\nb", "ä");
});

Deno.test("a URL has a host and neither user, query nor fragment", () => {
  accepts(values.httpUrl(), "http://127.0.0.1:80", "https://a.b/c/d", "http://[::1]:80/");
  refuses(
    values.httpUrl(),
    "ftp://a",
    "https://",
    "https://u@a/",
    "https://a/?q",
    "https://a/#f",
    "https://a b/",
    `https://a/${"x".repeat(2048)}`,
  );
});

Deno.test("a name is 1 to 128 bytes, counted in UTF-8", () => {
  accepts(values.label(), "shop", "ä".repeat(64));
  refuses(values.label(), "", "  ", "ä".repeat(65), "a\nb");
});

Deno.test("a SHA-256 comes out in lower case", () => {
  assert.equal(values.sha256().parse("AB".repeat(32)), "ab".repeat(32));
  refuses(values.sha256(), "ab", "zz".repeat(32));
});

Deno.test("a path is not empty and has no control characters", () => {
  accepts(values.filePath(), "/srv/x", "relative/x", "..");
  refuses(values.filePath(), "", "/a\nb", "x".repeat(4097));
});

Deno.test("a list without repetition says which entry is the second", () => {
  const schema = values.list(values.alias(), { max: 4, unique: "nocase" });
  const { error } = schema.safeParse(["a", "b", "A"]);
  assert.deepEqual(error?.issues[0].path, [2]);
});

Deno.test("a described or optional schema keeps its kind", () => {
  const schema = values.filePath({ trustedParent: true }).optional().describe("x");
  assert.equal(values.kindOf(schema)?.path?.trustedParent, true);
  assert.equal(values.kindOf(values.byteSize().default(1))?.type, "byte size");
});
