/** What a worker that dies held of a pool comes back. */
import assert from "node:assert/strict";
import { profile } from "../policy/fragile.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";

Deno.test("places that a dead worker held are free again, and no more than those", async () => {
  await using upstream = await Upstream.start((request, response) => {
    if (request.url === "/slow") return;
    response.end("ok");
  });
  await using gateway = await TestGateway.start(
    `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 1
[proxy]
upstreams = ["127.0.0.1:${upstream.port}", "127.0.0.1:1"]
upstream_max_in_flight = [3, 1]
disabled_upstreams = ["127.0.0.1:1"]
[proxy.load_balance]
all_down_status = 503
[proxy.load_balance.health_check]
enabled = false
`,
    {},
    { profile, entry: "tests/policy/fragile.ts" },
  );
  const ask = async (path: string, signal?: AbortSignal) => {
    const response = await fetch(gateway.url(path), { signal: signal ?? null });
    await response.body?.cancel();
    return response.status;
  };
  const slow = [1, 2, 3].map(() => ask("/slow").catch(() => 0));
  await until("all places are taken", () => upstream.seen.length === 3);
  assert.equal(await ask("/"), 503);
  await ask("/die").catch(() => 0);
  assert.deepEqual(await Promise.all(slow), [0, 0, 0]);
  await until("a place is free", async () => await ask("/").catch(() => 0) === 200);
  const abort = new AbortController();
  const before = upstream.seen.length;
  const again = [1, 2, 3].map(() => ask("/slow", abort.signal).catch(() => 0));
  await until("all places are taken again", () => upstream.seen.length === before + 3);
  assert.equal(await ask("/"), 503);
  abort.abort();
  await Promise.all(again);
  await until("they are free when the clients have gone", async () => await ask("/") === 200);
});
