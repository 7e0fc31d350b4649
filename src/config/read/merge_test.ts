import assert from "node:assert/strict";
import fc from "fast-check";
import { assemble } from "../schema/assemble.ts";
import { mergeFragments, mergeRule } from "./merge.ts";
import { Origins } from "./origins.ts";
import type { Table } from "../schema/schema_walk.ts";
import { testTables } from "../testing/tables.ts";
import { parseToml } from "./toml.ts";
import type { Problem } from "../types.ts";

const schema = assemble(testTables);

function merge(...tables: Table[]): Table {
  const fragments = tables.map((table, i) => ({ file: `/${i}.toml`, table }));
  return plain(mergeFragments(fragments, schema, testTables, new Origins()).table);
}

/** As JSON sees it: without the prototypes that tables of the loader lack. */
function plain(table: Table): Table {
  return JSON.parse(JSON.stringify(table));
}

Deno.test("a later scalar or list of [server] replaces an earlier one, others stay", () => {
  assert.deepEqual(
    merge(
      { server: { listen: ["a", "b"], default_vhost: "x", regex_enabled: true } },
      { server: { listen: ["c"], default_vhost: "y" } },
    ),
    { server: { listen: ["c"], default_vhost: "y", regex_enabled: true } },
  );
});

Deno.test("a late [server.limits] with one key resets the others", () => {
  assert.deepEqual(
    merge(
      { server: { limits: { max_uri_bytes: 1, max_request_headers: 2 }, listen: ["a"] } },
      { server: { limits: { max_uri_bytes: 4096 } } },
    ),
    { server: { limits: { max_uri_bytes: 4096 }, listen: ["a"] } },
  );
});

Deno.test("a late [logging.access] resets the level", () => {
  assert.deepEqual(
    merge({ logging: { level: "warn" } }, { logging: { access: { enabled: false } } }),
    { logging: { access: { enabled: false } } },
  );
});

Deno.test("a timeout in a late [proxy] keeps the rest of it, at every depth", () => {
  assert.deepEqual(
    merge(
      { proxy: { upstream: "a:1", upstream_verify_cert: true, auth_request: { url: "u" } } },
      { proxy: { connect_timeout_secs: 1, auth_request: { forward: ["x"] } } },
    ),
    {
      proxy: {
        upstream: "a:1",
        upstream_verify_cert: true,
        connect_timeout_secs: 1,
        auth_request: { url: "u", forward: ["x"] },
      },
    },
  );
});

Deno.test("maps in a table that merges field by field are replaced whole", () => {
  assert.deepEqual(
    merge({ stream: { enabled: true, labels: { a: "1" } } }, { stream: { labels: { b: "2" } } }),
    { stream: { enabled: true, labels: { b: "2" } } },
  );
});

Deno.test("two ways to name upstreams in one file are refused", () => {
  const fragments = [{
    file: "/a.toml",
    table: { proxy: { upstream: "a:1", upstreams: ["b:1"] } },
  }];
  const { problems } = mergeFragments(fragments, schema, testTables, new Origins());
  assert.deepEqual(problems.map(({ key }: Problem) => key), ["proxy.upstreams"]);
});

Deno.test("an empty list of upstreams is no second way", () => {
  const fragments = [{ file: "/a.toml", table: { proxy: { upstream: "a:1", upstreams: [] } } }];
  assert.deepEqual(mergeFragments(fragments, schema, testTables, new Origins()).problems, []);
});

Deno.test("a key of the merged configuration knows its file and line", () => {
  const origins = new Origins();
  const fragments = [
    "[proxy]\nupstream = 'a:1'\n[[vhosts]]\n",
    "\n[proxy]\nmode = 'x'\n[[vhosts]]\n",
  ]
    .map((text, i) => {
      const parsed = parseToml(text, `/${i}.toml`, origins);
      assert.ok(parsed.ok);
      return { file: `/${i}.toml`, table: parsed.table };
    });
  const { table } = mergeFragments(fragments, schema, testTables, origins);
  assert.deepEqual(origins.locate(table, ["proxy", "upstream"]).origin?.file, "/0.toml");
  assert.deepEqual(origins.locate(table, ["proxy", "mode"]).origin?.line, 3);
  const second = origins.locate(table, ["vhosts", 1, "name"]);
  assert.equal(second.origin?.file, "/1.toml");
  assert.equal(second.origin?.line, 4);
});

Deno.test("a table of ours says itself how it merges", () => {
  const ours = { table: "extra", scopes: ["root"] as const, schema, merge: "whole" as const };
  assert.equal(mergeRule("extra", [ours]), "whole");
  assert.equal(mergeRule("other", [ours]), "fields");
  assert.equal(mergeRule("geoip", [{ ...ours, table: "geoip", merge: "fields" }]), "fields");
  assert.equal(mergeRule("geoip", []), "whole");
});

// --- properties -------------------------------------------------------------------------------

const name = fc.constantFrom("a", "b", "c", "d");
const scalar = fc.oneof(fc.integer(), fc.string(), fc.boolean());
const list = fc.array(fc.constantFrom("1", "2", "3", "4"));
const flat = fc.dictionary(name, fc.oneof(scalar, list));
const SOURCES = ["upstream", "upstreams", "upstreams_file", "upstreams_http_url"];

Deno.test("property: a section that is replaced whole is the last one written", () => {
  const section = fc.constantFrom("metrics", "tracing", "logging", "headers", "geoip", "udp");
  fc.assert(fc.property(section, fc.array(fc.option(flat), { minLength: 1 }), (key, tables) => {
    const merged = merge(...tables.map((table) => table === null ? {} : { [key]: table }));
    const written = tables.filter((table) => table !== null);
    assert.deepEqual(
      merged,
      written.length === 0 ? {} : plain({ [key]: written[written.length - 1] }),
    );
  }));
});

Deno.test("property: field by field, each key is the last one written", () => {
  const section = fc.constantFrom("admin", "tls", "compression", "cache", "cache_purger", "web");
  fc.assert(fc.property(section, fc.array(flat, { minLength: 1 }), (key, tables) => {
    const merged = merge(...tables.map((table) => ({ [key]: table })));
    assert.deepEqual(merged, plain({ [key]: Object.assign({}, ...tables) }));
  }));
});

Deno.test("property: trusted proxies only grow, in order, each once", () => {
  fc.assert(fc.property(fc.array(fc.uniqueArray(fc.constantFrom("1", "2", "3", "4"))), (lists) => {
    const merged = merge(...lists.map((proxies) => ({ server: { trusted_proxies: proxies } })));
    const expected = [...new Set(lists.flat())];
    assert.deepEqual(merged, lists.length === 0 ? {} : { server: { trusted_proxies: expected } });
  }));
});

Deno.test("property: vhosts of all files stand one after the other", () => {
  const vhosts = fc.array(fc.record({ name: fc.string() }), { minLength: 1 });
  fc.assert(fc.property(fc.array(vhosts, { minLength: 1 }), (lists) => {
    const merged = merge(...lists.map((vhosts) => ({ vhosts })));
    assert.deepEqual(merged, plain({ vhosts: lists.flat() }));
  }));
});

Deno.test("property: only the upstream source that was set last is left", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.constantFrom(...SOURCES)), { minLength: 1 }), (sets) => {
      const merged = merge(
        ...sets.map((source, i) => ({
          proxy: source === null ? { n: i } : { [source]: `s${i}`, n: i },
        })),
      );
      const last = sets.findLastIndex((source) => source !== null);
      const source = sets[last];
      const expected: Table = { n: sets.length - 1 };
      if (typeof source === "string") expected[source] = `s${last}`;
      assert.deepEqual(merged, { proxy: expected });
    }),
  );
});

Deno.test("property: merging changes none of the fragments", () => {
  const sources = fc.dictionary(fc.constantFrom(...SOURCES), fc.string({ minLength: 1 }));
  const fragment = fc.record({
    server: flat,
    proxy: fc.oneof(flat, sources),
    web: flat,
    logging: flat,
  }, {
    requiredKeys: [],
  });
  fc.assert(fc.property(fc.array(fragment), (fragments) => {
    const before = JSON.stringify(fragments);
    merge(...fragments);
    assert.equal(JSON.stringify(fragments), before);
  }));
});
