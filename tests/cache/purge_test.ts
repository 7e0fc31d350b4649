/** Purges and status of the cache over the admin API. */
import assert from "node:assert/strict";
import { PATIENT } from "../testing/admin.ts";
import { Caching, image } from "../testing/caching.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

Deno.test("an operator sees what is stored, and purges it, over the admin API", async () => {
  await using dir = new TempDir();
  dir.write("token", `${TOKEN}\n`);
  const port = freePort();
  await using caching = await Caching.start(
    ({ url }, response) => image(response, "x", { "surrogate-key": url === "/a.png" ? "a" : "b" }),
    "",
    {
      root: `[admin]
enabled = true
listen = "127.0.0.1:${port}"
token_file = "${dir.path}/token"
snapshot_store = "${dir.path}/store"
${PATIENT}
`,
    },
  );
  await until(
    "the API is served",
    () => /the service control runs/.test(caching.gateway.process.output),
  );
  const ask = async (method: string, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/_fluxheim/cache/${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return { status: answer.status, body: await answer.json() };
  };
  for (const path of ["/a.png", "/b.png", "/c.png"]) await caching.get(path, { host: "h" });
  assert.equal((await ask("GET", "status")).body.totals.memory_entries, 3);
  assert.equal((await ask("POST", "purge?host=h&path=/c.png")).body.purged, true);
  assert.equal((await ask("POST", "purge-tag?vhost=a&tag=a")).body.purged, 1);
  assert.equal((await caching.get("/a.png", { host: "h" })).cache, "MISS");
  assert.equal((await caching.get("/b.png", { host: "h" })).cache, "HIT");
  assert.equal((await ask("POST", "purge-prefix?vhost=a&prefix=/")).status, 400);
  assert.equal((await ask("POST", "purge-wildcard?vhost=a&pattern=/*")).status, 400);
  assert.equal((await ask("POST", "purge-index?vhost=none")).status, 404);
  assert.equal((await ask("POST", "purge-bulk?host=h&path=/a.png&path=/b.png")).body.purged, 2);
  assert.equal((await ask("GET", "status")).body.totals.memory_entries, 0);
});
