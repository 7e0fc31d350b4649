/** Waiting for the fill of another request, and reading along with it (spec 04 section 6.5). @module */
import type { ClientResponse } from "../../../http/client.ts";
import { respond } from "../answer/answers.ts";
import type { Cache } from "../cache.ts";
import { hasVariance, hit, varianceFor } from "../lookup/find_object.ts";
import type { Held } from "../store/index.ts";
import { DEAD, DOOMED, EXPIRES, FILLING, LENGTH, READY, REFUSED } from "../store/slot_words.ts";
import type { Asked } from "../lookup/task.ts";
import { changeOf, WAIT_SLICE_MS } from "./waiting.ts";

/** What came of waiting: the answer; `again` to look once more; `alone` to fetch without storing. */
export type Waited = ClientResponse | "again" | "alone";

/** Waits for the fill in `held`, which is released. */
export async function waitForFill(cache: Cache, asked: Asked, held: Held): Promise<Waited> {
  const { store, policy } = cache.parts;
  const { index } = store;
  const { lock } = policy.config;
  const { call } = asked;
  const until = Date.now() + lock.wait_timeout_secs * 1000;
  try {
    for (;;) {
      const seen = index.progress(held.slot);
      const phase = index.phase(held.slot);
      if (phase === READY) return "again";
      if (phase === DEAD) return (index.flags(held.slot) & REFUSED) !== 0 ? "alone" : "again";
      if ((index.flags(held.slot) & DOOMED) !== 0) return "again";
      if (phase === FILLING) {
        const attached = attach(cache, asked, held);
        if (attached !== undefined) return attached;
      }
      const left = until - Date.now();
      if (left <= 0 || call.aborted) return "alone";
      await changeOf(call, index.change(held.slot, seen, Math.min(left, WAIT_SLICE_MS)));
      // A fill that has not got on for too long loses its claim in the next round.
      if (index.isStuck(held.slot, lock.age_timeout_secs * 1000, Date.now())) return "again";
    }
  } finally {
    index.release(held);
  }
}

/** Reads along with a fill whose length is known; one that may turn out too large is waited for. */
function attach(cache: Cache, asked: Asked, filling: Held): Waited | undefined {
  const { store } = cache.parts;
  const { index } = store;
  const object = store.meta(filling.slot);
  if (object === undefined || !cache.isFor(object, asked.lookup)) return "again";
  const variance = varianceFor(object.meta.vary, asked.request);
  if (!hasVariance(index, filling.slot, variance)) return "again";
  // What has to be confirmed for each client is no other client's.
  if (index.float(filling.slot, EXPIRES) <= Date.now()) return "alone";
  if (index.float(filling.slot, LENGTH) < 0) return undefined;
  const held = index.hold(filling.slot);
  if (held === undefined) return "again";
  return respond(hit(cache, asked, { held, object }));
}
