/** Pools of real upstreams: selection, caps, queue, health by traffic, retries and sessions. */
import assert from "node:assert/strict";
import { Balanced } from "./support.ts";

const QUIET = "[proxy.load_balance.health_check]\nenabled = false\n";

Deno.test("two members alternate", async () => {
  await using pool = await Balanced.start(2, QUIET);
  const answers: string[] = [];
  for (let i = 0; i < 6; i++) answers.push((await pool.get()).text);
  assert.notEqual(answers[0], answers[1]);
  assert.deepEqual(answers.slice(2), answers.slice(0, 4));
});
