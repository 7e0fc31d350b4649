import assert from "node:assert/strict";
import { startGateway, TestClient } from "./testing/keeper.ts";
import { paceOf } from "./pace.ts";

Deno.test("a gateway keeps its limits in real time by default", () => {
  assert.deepEqual(paceOf(), { workers: 1, keeper: 1 });
  assert.deepEqual(paceOf({ keeper: 4 }), { workers: 1, keeper: 4 });
});

Deno.test("a pace below 1 or above 20, or none at all, is refused", () => {
  for (const factor of [0, 0.5, 21, NaN, Infinity]) {
    assert.throws(() => paceOf({ workers: factor }), RangeError);
    assert.throws(() => paceOf({ keeper: factor }), RangeError);
  }
});

Deno.test("limits towards clients end sooner at the pace of the workers", async () => {
  await using gateway = await startGateway({ pace: { workers: 20 } });
  using client = await TestClient.connect(gateway.address);
  // The limit of a head: ten seconds, of which each is a twentieth here.
  assert.ok(await client.closed());
});
