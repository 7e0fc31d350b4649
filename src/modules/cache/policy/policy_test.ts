import assert from "node:assert/strict";
import { Fields } from "../../../http/fields.ts";
import { exchangeFixture, type RequestFixture } from "../../../gateway/testing/exchange_fixture.ts";
import { withPreset } from "../presets.ts";
import { type CacheConfig, cacheSchema } from "../schema.ts";
import { admit, type Admitted, type Rejection } from "./admission.ts";
import { readCacheControl } from "./cache_control.ts";
import { extensionOf, fitsExtension } from "./paths.ts";
import { policyOf } from "./policy.ts";
import { RequestRules, wishesOf } from "./request_rules.ts";
import { tagsOf } from "./tags.ts";

const NOW = Date.parse("2026-12-01T00:00:00Z");

function config(toml: Record<string, unknown> = {}): CacheConfig {
  return withPreset(cacheSchema.parse({ enabled: true, memory: { enabled: true }, ...toml }));
}

type Answer = Parameters<typeof admit>[1];

function admitted(
  pairs: readonly (readonly [string, string])[],
  toml: Record<string, unknown> = {},
  more: Partial<Answer> = {},
): { verdict: Admitted | Rejection; fields: Fields } {
  const fields = Fields.of(...pairs);
  const verdict = admit(policyOf(config(toml)), {
    status: 200,
    fields,
    length: 5,
    hasBody: true,
    delaySecs: 0,
    extension: "png",
    perRequest: new Set(),
    ...more,
  }, NOW);
  return { verdict, fields };
}

const PNG = ["content-type", "image/png"] as const;
const MINUTE = ["cache-control", "max-age=60"] as const;

Deno.test("Cache-Control is read strictly", () => {
  const read = (...lines: string[]) =>
    readCacheControl(Fields.of(...lines.map((line) => ["cache-control", line] as const)));
  assert.equal(read(), undefined);
  for (
    const [text, key, value] of [
      ["max-age=60", "maxAge", 60],
      ['MAX-AGE="60"', "maxAge", 60],
      ["max-age=99999999999999999999", "maxAge", 2 ** 31 - 1],
      [" , s-maxage = 5 ,, public", "sMaxage", 5],
      ['private="set-cookie, x"', "private", true],
      ['no-cache="a\\"b"', "noCache", true],
      ["x=y, no-store", "noStore", true],
    ] as const
  ) {
    const control = read(text);
    assert.equal(control?.isInvalid, false, text);
    assert.equal(control?.[key], value, text);
  }
  for (
    const text of [
      "max-age=-1",
      "max-age=1.5",
      "max-age",
      "max-age=",
      "max-age=1, max-age=1",
      'private="x',
      "a b",
      "=1",
      `x="${"y".repeat(17_000)}"`,
      Array(130).fill("a").join(","),
    ]
  ) {
    assert.equal(read(text)?.isInvalid, true, text);
  }
  assert.equal(read("max-age=1", "no-store")?.noStore, true);
});

Deno.test("an answer is refused by the first rule that holds", () => {
  for (
    const [expected, pairs, toml, more] of [
      ["range-response", [PNG, MINUTE], {}, { status: 206 }],
      ["status-not-cacheable", [PNG, MINUTE], {}, { status: 404 }],
      ["status-not-cacheable", [PNG, MINUTE], { default_status_ttl_secs: 5 }, { status: 404 }],
      ["content-type-missing", [MINUTE], {}, {}],
      [
        "content-type-not-cacheable",
        [["content-type", "text/html; charset=utf-8"], MINUTE],
        {},
        {},
      ],
      ["content-type-not-cacheable", [PNG, MINUTE], {}, { extension: "css" }],
      ["set-cookie", [PNG, MINUTE, ["set-cookie", "a=b"]], {}, {}],
      ["configured-no-store-response-header", [PNG, MINUTE, ["x-no", "1"]], {
        no_store_response_headers: ["X-No"],
      }, {}],
      ["configured-no-store-response-header-value", [PNG, MINUTE, ["x-no", "1"]], {
        no_store_response_header_values: { "X-No": "1" },
      }, {}],
      ["cache-control-invalid", [PNG, ["cache-control", "max-age=x"]], {}, {}],
      ["cache-control-no-store", [PNG, ["cache-control", "no-store, private"]], {}, {}],
      [
        "cache-control-private",
        [PNG, ["cache-control", "private"]],
        { status_ttls: { 200: 5 } },
        {},
      ],
      ["cache-control-no-cache", [PNG, ["cache-control", 'no-cache="x"']], {}, {}],
      ["cache-control-zero-freshness", [PNG, ["cache-control", "max-age=0, s-maxage=60"]], {}, {}],
      ["vary-star", [PNG, MINUTE, ["vary", "a, *"]], {}, {}],
      ["vary-star", [PNG, MINUTE, ["vary", "X-Id"]], {}, { perRequest: new Set(["x-id"]) }],
      ["vary-invalid", [PNG, MINUTE, ["vary", "a,,b"]], {}, {}],
      ["vary-too-large", [PNG, MINUTE, ["vary", "a".repeat(2049)]], {}, {}],
      [
        "vary-too-many-fields",
        [PNG, MINUTE, ["vary", "abcdefghijklmnopq".split("").join()]],
        {},
        {},
      ],
      ["vary-sensitive-field", [PNG, MINUTE, ["vary", "Cookie"]], {}, {}],
      ["OriginNotCache", [PNG], {}, {}],
      ["zero-freshness", [PNG, MINUTE, ["age", "60"]], {}, {}],
      ["zero-freshness", [PNG, ["expires", "nonsense"]], {}, {}],
      ["ResponseTooLarge", [PNG, MINUTE], { max_object_bytes: 4 }, {}],
      ["empty-body", [PNG, MINUTE], {}, { length: 0 }],
    ] as [string, [string, string][], Record<string, unknown>, Partial<Answer>][]
  ) {
    assert.equal(admitted(pairs, toml, more).verdict, expected, JSON.stringify(pairs));
  }
});

Deno.test("an answer's lifetime comes from the operator, else from the upstream, less its age", () => {
  const life = (pairs: readonly (readonly [string, string])[], toml = {}) => {
    const { verdict } = admitted([PNG, ...pairs], toml);
    assert.ok(typeof verdict !== "string", String(verdict));
    return [verdict.lifetimeSecs, verdict.ageSecs];
  };
  const date = ["date", new Date(NOW - 10_000).toUTCString()] as const;
  assert.deepEqual(life([MINUTE]), [60, 0]);
  assert.deepEqual(life([["cache-control", "max-age=60, s-maxage=90"], ["age", "7"]]), [90, 7]);
  assert.deepEqual(life([MINUTE, date]), [60, 10]);
  assert.deepEqual(life([["expires", new Date(NOW + 50_000).toUTCString()], date]), [60, 10]);
  assert.deepEqual(life([MINUTE, ["age", "59"]], { status_ttls: { 200: 5 } }), [5, 0]);
  assert.deepEqual(life([MINUTE], { default_status_ttl_secs: 7 }), [7, 0]);
});

Deno.test("stale windows are the operator's, and directives that forbid stale use close them", () => {
  const windows = { stale_while_revalidate_secs: 30, stale_if_error_secs: 40 };
  const open = admitted([PNG, MINUTE], windows);
  assert.ok(typeof open.verdict !== "string");
  assert.deepEqual(
    [open.verdict.staleWhileRevalidateSecs, open.verdict.staleIfErrorSecs],
    [30, 40],
  );
  assert.equal(
    open.fields.get("cache-control"),
    "max-age=60, stale-while-revalidate=30, stale-if-error=40",
  );
  for (const directive of ["must-revalidate", "proxy-revalidate", "s-maxage=60"]) {
    const { verdict } = admitted([PNG, ["cache-control", `max-age=60, ${directive}`]], windows);
    assert.ok(typeof verdict !== "string");
    assert.equal(verdict.staleIfErrorSecs + verdict.staleWhileRevalidateSecs, 0, directive);
  }
  const replaced = admitted(
    [PNG, ["cache-control", "stale-if-error=9, max-age=60"]],
    { stale_if_error_secs: 40 },
  );
  assert.equal(replaced.fields.get("cache-control"), "max-age=60, stale-if-error=40");
});

Deno.test("paths have an extension only where no server would cut it off", () => {
  for (
    const [path, expected] of [
      ["/a.css", "css"],
      ["/a.b.CSS", "css"],
      ["/.css", ""],
      ["/a/", ""],
      ["/a.css/b", ""],
      ["/me;x.css", ""],
      ["/me%3Bx.css", ""],
      ["/me%23x.css", ""],
      ["/me%3fx.css", ""],
      ["/me%26x.css", ""],
    ]
  ) assert.equal(extensionOf(path), expected, path);
  assert.ok(fitsExtension("png", "image/webp"));
  assert.ok(!fitsExtension("png", "image/svg+xml"));
  assert.ok(!fitsExtension("css", "application/javascript"));
  assert.ok(fitsExtension("dat", "image/svg+xml"));
});

Deno.test("tags are bounded, and each is taken as it is", () => {
  const tags = (...values: string[]) =>
    tagsOf(
      Fields.of(...values.map((value) => ["surrogate-key", value] as const)),
      new Set(["surrogate-key"]),
    );
  assert.deepEqual(tags("a ab,a", "toString __proto__"), ["a", "ab", "toString", "__proto__"]);
  assert.deepEqual(tags('ä b"c ok'), ["ok"]);
  assert.equal(tags(Array.from({ length: 100 }, (_, i) => `t${i}`).join(" ")).length, 64);
  assert.deepEqual(tagsOf(Fields.of(["surrogate-key", "a"]), new Set()), []);
});

Deno.test("requests are set aside by the first rule that holds", () => {
  const rules = new RequestRules(config({
    bypass_path_prefixes: ["/feed/"],
    bypass_path_exact: ["/x.php"],
    bypass_request_headers: ["X-Preview", "authorization"],
    bypass_request_header_values: { "X-Mode": "draft" },
    bypass_cookie_names: ["sid"],
    bypass_cookie_name_prefixes: ["wp_"],
    bypass_cookie_values: { mode: "edit" },
    bypass_query_params: ["pre view", "preview"].slice(1),
    bypass_query_values: { lang: "de" },
  }));
  const bypass = (target: string, fields: RequestFixture["fields"] = [], method = "GET") =>
    rules.bypass(exchangeFixture({ target, fields, method }));
  assert.equal(bypass("/a.png"), undefined);
  assert.equal(bypass("/feed"), undefined);
  for (
    const [expected, target, ...fields] of [
      ["upgrade", "/feed/a", ["upgrade", "websocket"], ["authorization", "x"]],
      ["request-authorization", "/feed/a", ["authorization", "x"]],
      ["request-proxy-authorization", "/feed/a", ["proxy-authorization", "x"]],
      ["request-path", "/feed/a", ["x-preview", ""]],
      ["request-path", "/x.php"],
      ["request-header", "/a.png", ["x-mode", "draft"], ["x-preview", ""]],
      ["request-header-value", "/a.png", ["x-mode", "draft"]],
      ["request-cookie", "/a.png?preview", ["cookie", "a=1; sid=2"]],
      ["request-cookie", "/a.png", ["cookie", "wp_x=1"]],
      ["request-cookie", "/a.png", ["cookie", "mode=edit"]],
      ["request-query", "/a.png?preview"],
      ["request-query", "/a.png?a=1&%70review=1", ["cache-control", "no-store"]],
      ["request-query", "/a.png?lang=%64e"],
      ["request-no-store", "/a.png", ["cache-control", "no-store"]],
      ["request-no-store", "/a.png", ["cache-control", "max-age=x, no-store"]],
    ] as [string, string, ...[string, string][]][]
  ) {
    assert.equal(bypass(target, fields), expected, target);
  }
  assert.equal(bypass("/a.png", [["cookie", "mode=editor; =x; sidx=1"]]), undefined);
  assert.equal(bypass("/a.png?lang=den&previews", [["x-mode", "Draft"]]), undefined);
  assert.equal(bypass("/a.png", [["cache-control", 'x="no-store"']]), undefined);
  assert.equal(bypass("/a.png", [], "HEAD"), "method-head");
});

Deno.test("wishes of a client are read from fields that can be read", () => {
  const wishes = (name: string, value: string) => wishesOf(Fields.of([name, value]));
  assert.deepEqual(wishes("cache-control", "no-cache"), { refresh: true, onlyIfCached: false });
  assert.deepEqual(wishes("cache-control", "max-age=0"), { refresh: true, onlyIfCached: false });
  assert.deepEqual(wishes("pragma", "no-cache"), { refresh: true, onlyIfCached: false });
  assert.deepEqual(wishes("cache-control", "only-if-cached"), {
    refresh: false,
    onlyIfCached: true,
  });
  assert.deepEqual(wishes("cache-control", "max-age=x, only-if-cached"), {
    refresh: false,
    onlyIfCached: false,
  });
});

Deno.test("the preset adds entries, and removes none", () => {
  const table = config({ preset: "wordpress", bypass_path_exact: ["/mine.php", "/index.php"] });
  assert.equal(table.bypass_path_exact.filter((path) => path === "/index.php").length, 1);
  assert.ok(table.bypass_path_exact.includes("/mine.php"));
  assert.ok(table.bypass_path_exact.includes("/xmlrpc.php"));
  assert.ok(table.bypass_query);
  const rules = new RequestRules(table);
  const asked = exchangeFixture({ target: "/a.png", fields: [["cookie", "wordpress_sec_x=1"]] });
  assert.equal(rules.bypass(asked), "request-cookie");
});
