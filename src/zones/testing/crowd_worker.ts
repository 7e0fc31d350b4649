/** One of the workers whose requests crowd one limit in `queue_crowd_test.ts`. */
import { queue } from "../queue.ts";

/** The order for each worker. */
export interface Order {
  readonly zone: SharedArrayBuffer;
  /** Word 0 counts workers that are ready, 1 starts them, 2 is in flight now, 3 the most ever. */
  readonly gate: SharedArrayBuffer;
  readonly worker: number;
  readonly workers: number;
  readonly maxQueue: number;
  /** Requests at a time, and how many each of these makes one after the other. */
  readonly clients: number;
  readonly rounds: number;
  /** One of so many requests goes away while it waits; 0: none. */
  readonly leaveEvery: number;
}

/** Its report. */
export type Tally = Record<"granted" | "refused" | "aborted", number>;

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(tally: Tally): void;
};

scope.onmessage = async ({ data }) => {
  const permits = queue.open(data.zone, { index: data.worker, count: data.workers });
  const gate = new Int32Array(data.gate);
  const tally: Tally = { granted: 0, refused: 0, aborted: 0 };
  let request = 0;

  function wait(leaves: boolean): Promise<keyof Tally> {
    const { promise, resolve } = Promise.withResolvers<keyof Tally>();
    const place = permits.join(data.maxQueue, 30_000, {
      granted: () => resolve("granted"),
      expired: () => resolve("refused"),
    });
    if (place === undefined) resolve("refused");
    else if (leaves) setTimeout(() => place.leave() && resolve("aborted"), 1);
    return promise;
  }

  async function client(): Promise<void> {
    for (let round = 0; round < data.rounds; round++) {
      const leaves = data.leaveEvery > 0 && ++request % data.leaveEvery === 0;
      const outcome = permits.tryTake() ? "granted" : await wait(leaves);
      tally[outcome]++;
      if (outcome !== "granted") continue;
      const now = Atomics.add(gate, 2, 1) + 1;
      for (let most = Atomics.load(gate, 3); most < now; most = Atomics.load(gate, 3)) {
        Atomics.compareExchange(gate, 3, most, now);
      }
      if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      Atomics.sub(gate, 2, 1);
      permits.giveBack();
    }
  }

  Atomics.add(gate, 0, 1);
  Atomics.wait(gate, 1, 0);
  await Promise.all(Array.from({ length: data.clients }, client));
  scope.postMessage(tally);
};
