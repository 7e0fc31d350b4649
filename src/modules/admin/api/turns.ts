/**
 * Operations one after the other, with each other and with every other reload. One that cannot begin soon is
 * refused: what waits for a long time no longer knows what it changes.
 *
 * @module
 */
import type { KeeperContext } from "../../../gateway/threads/keeper_part.ts";
import { failure, type Outcome } from "../calls.ts";

/** Operations that may wait for their turn. */
const MAX_WAITING = 32;
/** How long one waits before it is refused. */
const WAIT_MS = 4_000;

const BUSY = failure(409, "another operation is under way; try again");

/** The queue of operations. */
export class Turns {
  readonly #context: Pick<KeeperContext, "exclusively">;
  #waiting = 0;

  constructor(context: Pick<KeeperContext, "exclusively">) {
    this.#context = context;
  }

  /**
   * Runs `job` when those before it have ended.
   *
   * @returns Its outcome, or that it was not begun.
   */
  async take(job: () => Promise<Outcome>): Promise<Outcome> {
    if (this.#waiting >= MAX_WAITING) return BUSY;
    this.#waiting++;
    let phase: "waiting" | "begun" | "refused" = "waiting";
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const begun = () => {
      phase = "begun";
      this.#waiting--;
    };
    const timer = setTimeout(() => {
      if (phase !== "waiting") return;
      phase = "refused";
      this.#waiting--;
      resolve(BUSY);
    }, WAIT_MS);
    this.#context.exclusively(async () => {
      clearTimeout(timer);
      if (phase === "refused") return;
      begun();
      resolve(await job());
    }).catch(reject);
    return await promise;
  }
}
