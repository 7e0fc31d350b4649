/** Fetching objects anew while a stale copy is served (spec 04 section 6.3). @module */
import type { Body } from "../../../http/body.ts";
import { BackgroundCall } from "./background_call.ts";
import type { Cache } from "../cache.ts";
import type { Fetcher } from "./fetcher.ts";
import { impersonal } from "./fill_request.ts";
import { varianceFor } from "../lookup/find_object.ts";
import type { Asked, Found, Task } from "../lookup/task.ts";

/** The refreshes of one cache that no client waits for. */
export class Refreshes {
  readonly #calls = new Set<BackgroundCall>();

  constructor(readonly cache: Cache, readonly fetcher: Fetcher) {}

  /** Gives all of them up. */
  stop(): void {
    for (const call of this.#calls) call.abort();
  }

  /** Begins one, unless the object is being fetched already. */
  begin(asked: Asked, found: Found): void {
    const { store, policy, refreshes } = this.cache.parts;
    const { index } = store;
    const { lock } = policy.config;
    const variance = varianceFor(found.object.meta.vary, asked.request);
    const ageMs = lock.age_timeout_secs * 1000;
    if (!refreshes.tryTake()) return;
    const claim = index.claim(asked.lookup.key, variance, ageMs, Date.now());
    const stale = claim?.isOwn === true ? index.hold(found.held.slot) : undefined;
    if (claim === undefined || !claim.isOwn || stale === undefined) {
      if (claim?.isOwn === true) index.remove(claim.held.slot, claim.held.generation);
      if (claim !== undefined) index.release(claim.held);
      refreshes.giveBack();
      return;
    }
    const call = new BackgroundCall(ageMs);
    this.#calls.add(call);
    const task: Task = {
      ...asked,
      request: impersonal(asked.request),
      exchange: undefined,
      call,
      claim: claim.held,
      stale: { held: stale, object: found.object },
      status: "EXPIRED",
      reason: "",
    };
    void this.#finish(task, call);
  }

  async #finish(task: Task, call: BackgroundCall): Promise<void> {
    try {
      const { body } = await this.fetcher.run(task);
      if (body !== undefined) await drain(body, this.cache.parts.policy.maxObjectBytes);
    } catch {
      // The stale copy goes on being served; the upstream has logged what was wrong.
    } finally {
      call.end();
      this.#calls.delete(call);
      this.cache.parts.refreshes.giveBack();
    }
  }
}

/** Reads a body that is of no use but for how it ends, and cancels one that is too long for that. */
async function drain(body: Body, maxBytes: number): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let bytes = 0; bytes <= maxBytes;) {
    const count = await body.read(buffer);
    if (count === null) return;
    bytes += count;
  }
  body.cancel();
}
