/**
 * Puts a symbolic link in the place of a file or directory and takes it away again, as fast as it can,
 * until told to stop. Started by `race_test.ts`.
 *
 * @module
 */

/** What to swap. */
export interface Swaps {
  /** Pairs of a thing and a link that is beside it. */
  readonly pairs: readonly (readonly [thing: string, link: string])[];
  /** Its first element counts rounds, its second stops the swapping. */
  readonly state: SharedArrayBuffer;
}

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Swaps>) => void) | null;
  postMessage(message: "stopped"): void;
};

scope.onmessage = ({ data: { pairs, state } }) => {
  const shared = new Int32Array(state);
  while (Atomics.load(shared, 1) === 0) {
    for (const [thing, link] of pairs) {
      Deno.renameSync(thing, thing + ".aside");
      Deno.renameSync(link, thing);
      Deno.renameSync(thing, link);
      Deno.renameSync(thing + ".aside", thing);
    }
    Atomics.add(shared, 0, 1);
  }
  scope.postMessage("stopped");
};
