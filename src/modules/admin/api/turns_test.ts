import assert from "node:assert/strict";
import type { Outcome } from "../calls.ts";
import { Turns } from "./turns.ts";

const DONE: Outcome = { status: 200, body: {} };

Deno.test("a line that is too long refuses, and takes more when it is shorter", async () => {
  let last: Promise<unknown> = Promise.resolve();
  const turns = new Turns({
    exclusively(job) {
      const result = last.then(job);
      last = result.catch(() => {});
      return result;
    },
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = turns.take(async () => {
    await promise;
    return DONE;
  });
  const answers = Array.from({ length: 40 }, () => turns.take(() => Promise.resolve(DONE)));
  resolve();
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.ok(statuses.filter((status) => status === 200).length >= 31);
  assert.ok(statuses.includes(409));
  assert.deepEqual(await first, DONE);
  assert.deepEqual(await turns.take(() => Promise.resolve(DONE)), DONE);
});

Deno.test("a job that throws rejects, and those after it run", async () => {
  const turns = new Turns({ exclusively: (job) => job() });
  await assert.rejects(turns.take(() => Promise.reject(new Error("fault"))), /fault/);
  assert.deepEqual(await turns.take(() => Promise.resolve(DONE)), DONE);
});
