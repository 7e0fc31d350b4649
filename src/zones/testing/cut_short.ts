/**
 * Threads that are lost, and calls that fail, between two changes of shared memory. Only atomic operations
 * that change something are counted: what is between two of them is the same to every other thread.
 *
 * @module
 */
const CHANGES = [
  "store",
  "add",
  "sub",
  "or",
  "and",
  "exchange",
  "compareExchange",
  "notify",
] as const;

/** In place of the change at which a thread ends. */
class Cut extends Error {}

/** `lost`: nothing after that step has an effect. `error`: the step alone fails. */
export type Kind = "lost" | "error";

/**
 * Does `act` up to its change number `step`, from 1 on.
 *
 * @returns Whether it was cut short: it has so many steps.
 */
export function cutShort(kind: Kind, step: number, act: () => void): boolean {
  const originals = Object.fromEntries(CHANGES.map((name) => [name, Atomics[name]]));
  let steps = 0;
  const counted = (change: (...args: unknown[]) => unknown) => (...args: unknown[]) => {
    steps++;
    if (steps === step || kind === "lost" && steps > step) throw new Cut();
    return change(...args);
  };
  for (const name of CHANGES) Object.assign(Atomics, { [name]: counted(Atomics[name] as never) });
  try {
    act();
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
  } finally {
    Object.assign(Atomics, originals);
  }
  return steps >= step;
}
