/** Soft purges over the admin API, and what they leave. */
import assert from "node:assert/strict";
import { PATIENT } from "../testing/admin.ts";
import { Caching } from "../testing/caching.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

Deno.test("vector 29 and A12: a soft purge has the object confirmed, and gives a dead one no new windows", async () => {
  await using dir = new TempDir();
  dir.write("token", `${TOKEN}\n`);
  const port = freePort();
  let isDown = false;
  let bodies = 0;
  await using caching = await Caching.start(
    ({ headers }, response) => {
      if (isDown) return void response.destroy();
      const fields = { "content-type": "image/png", "cache-control": "max-age=600", etag: '"1"' };
      if (headers["if-none-match"] === '"1"') {
        response.writeHead(304, fields);
        return void response.end();
      }
      bodies++;
      response.writeHead(200, { ...fields, "content-length": "5" });
      response.end("image");
    },
    "stale_if_error_secs = 3",
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
  const soften = async () => {
    const answer = await fetch(
      `http://127.0.0.1:${port}/_fluxheim/cache/purge-index?vhost=a&soft=1`,
      { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } },
    );
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  };
  const get = () => caching.get("/a.png", { host: "h" });
  assert.equal((await get()).cache, "MISS");
  await soften();
  const got = await get();
  assert.deepEqual([got.cache, got.body, bodies], ["REVALIDATED", "image", 1]);
  assert.equal((await get()).cache, "HIT");
  await soften();
  isDown = true;
  assert.equal((await get()).cache, "STALE");
  await until("the window ends, however often it is purged", async () => {
    await soften();
    return (await get()).status === 502;
  });
});
