import assert from "node:assert/strict";
import { parseKey } from "./key_path.ts";
import { Taint } from "./taint.ts";

/** Whether what was wrong at `removed` explains a problem with `key` that is about `others`, too. */
function explains(removed: string, key: string, ...others: string[]): boolean {
  const taint = new Taint();
  taint.add(parseKey(removed));
  return taint.explains(parseKey(key), others.map(parseKey));
}

Deno.test("what was wrong with a key explains problems with it and with what is in it", () => {
  assert.ok(explains("tls.profile", "tls.profile"));
  assert.ok(explains("tls", "tls.profile"));
  assert.ok(!explains("tls.profile", "tls"));
});

Deno.test("a problem is explained by another key that it is about", () => {
  assert.ok(explains("server.tls_listen", "server.https_redirect.enabled", "server.tls_listen"));
  assert.ok(explains("tls", "server.tls_listen", "tls.enabled"));
  assert.ok(!explains("tls.profile", "server.tls_listen", "tls.enabled"));
  assert.ok(!explains("tls.enabled", "server.tls_listen"));
});

Deno.test("an entry that was wrong counts for its list, and not what is in the entry", () => {
  assert.ok(explains("server.trusted_proxies[1]", "server.listen", "server.trusted_proxies"));
  assert.ok(!explains("tls.certificates[0].key_path", "server.tls_listen", "tls.certificates"));
});

Deno.test("a key without positions stands for that of every entry, one with them for its own", () => {
  assert.ok(explains("vhosts[2].name", "server.default_vhost", "vhosts.name"));
  assert.ok(
    explains("vhosts[1].routes[0].proxy", "vhosts[1].routes[0]", "vhosts[1].routes[0].proxy"),
  );
  assert.ok(
    !explains("vhosts[1].routes[3].proxy", "vhosts[1].routes[0]", "vhosts[1].routes[0].proxy"),
  );
});
