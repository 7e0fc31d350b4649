/** Waits for a lock, for `lock_test.ts`. @module */
import { lock } from "../lock.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<{ readonly words: Int32Array; readonly at: number }>) => void;
  postMessage(isTaken: boolean): void;
};

scope.onmessage = ({ data: { words, at } }) => {
  scope.postMessage(lock(words, at, 1, () => Infinity));
};
