import assert from "node:assert/strict";
import { dumpToml } from "./dump.ts";
import { loadText } from "./load.ts";
import { testTables } from "./testing/tables.ts";

const TEXT = `
[server]
trusted_proxies = ["10.0.0.0/8"]
[server.limits]
max_uri_bytes = "4KiB"
[web]
root = "site"
[headers.set]
"X-Tenant" = "a"
[[vhosts]]
name = "a"
hosts = ["A.b"]
[[vhosts.routes]]
name = "r"
path_prefix = "/x"
redirect.to = "https://a.b{uri}"
[[vhosts]]
name = "b"
hosts = ["c.d"]
[vhosts.proxy]
upstream = "a.b:1"
`;

Deno.test("the effective configuration loads again as the same configuration", () => {
  for (const text of [TEXT, "", "[web]\nroot = 'x'"]) {
    const first = loadText(text, testTables, [], { file: "/etc/a.toml" });
    const second = loadText(dumpToml(first.effective), testTables, [], { file: "/other/b.toml" });
    assert.deepEqual(second.problems, []);
    assert.deepEqual(second.config, first.config);
    assert.deepEqual(second.effective, first.effective);
  }
});

Deno.test("the effective configuration has defaults, absolute paths and plain sizes", () => {
  const { effective } = loadText(TEXT, testTables, [], { file: "/etc/a.toml" });
  const dump = dumpToml(effective);
  assert.match(dump, /^max_uri_bytes = 4096$/m);
  assert.match(dump, /^max_request_headers = 100$/m);
  assert.match(dump, /^root = "\/etc\/site"$/m);
});

Deno.test("the implicit vhost is not written: it exists because no other does", () => {
  assert.doesNotMatch(dumpToml(loadText("", testTables).effective), /\[vhosts/);
});
