/** The status of many pools is one answer that can be sent. */
import assert from "node:assert/strict";
import { configOf, routeScope, vhostScope } from "../../../gateway/testing/modules.ts";
import { isPlain } from "../../../gateway/threads/thread.ts";
import { statusOf } from "./pools_status.ts";

const config = configOf({}, {});

Deno.test("a vhost has its own pool and those of its routes", () => {
  const own = { table: { scope: vhostScope(config) }, status: { selection: "maglev" } };
  const routes = { table: { scope: routeScope(config) }, status: { selection: "random" } };
  assert.deepEqual(statusOf([own, routes]), {
    vhosts: [{
      name: "shop",
      pool: { selection: "maglev" },
      routes: [{ name: "api", pool: { selection: "random" } }],
    }],
  });
  assert.deepEqual(statusOf([]), { vhosts: [] });
});

Deno.test("pools that find no room are left out, and the answer says so and can be sent", () => {
  const member = Object.fromEntries(
    Array.from({ length: 25 }, (_, i) => [`a_key_of_usual_length_${i}`, null]),
  );
  const status = { backends: Array.from({ length: 256 }, () => member) };
  const scope = vhostScope(config);
  const pools = Array.from({ length: 100 }, (_, i) => ({
    table: { scope: { ...scope, vhost: { ...scope.vhost, name: `v${i}` } } },
    status,
  }));
  const { vhosts, truncated } = statusOf(pools);
  assert.equal(truncated, true);
  assert.ok(Array.isArray(vhosts) && vhosts.length > 0 && vhosts.length < 100);
  const answer = { status: 200, body: { status: "ok", load_balancer: { vhosts, truncated } } };
  assert.ok(isPlain(answer));
  assert.ok(JSON.stringify(answer).length < 1024 * 1024);
});
