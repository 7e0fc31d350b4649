/**
 * Reads and writes that leave time for everybody else.
 *
 * A read whose bytes are there already is settled without a turn of the event loop, and so is a write for
 * which there is room: always so on the runtime's TLS connections, up to a number of times on its TCP
 * connections. A peer that sends or takes faster than the worker works would hold the worker for as long as
 * it likes: other sockets wait, timers do not fire, and in the end the keeper takes the worker's heartbeat for
 * stopped. So work that has gone on for too long waits until the worker has looked at its timers and sockets.
 *
 * Only a timer shows that it has. What `setImmediate` asks for comes sooner, but while it is asked for again
 * and again the runtime looks at its sockets in every 61st turn only.
 *
 * @module
 */
import type { Duplex } from "./duplex.ts";

/** After so many steps of all connections a turn is asked for, which starts the count again. */
const STEPS_BEFORE_TURN = 64;
/** Longest that steps go on until it has come; a timer takes less where nothing is kept waiting. */
const MAX_MS = 5;

let steps = 0;
/** When a turn was asked for that has not come yet; 0 when there is none. */
let askedAt = 0;
/** Promise of the next turn, for work that has used enough of this one. */
let nextTurn: Promise<void> | undefined;

/**
 * Reads as `stream.read` does, but in a later turn of the event loop if this one has lasted long enough.
 * For every loop that reads from a peer.
 */
export function fairRead(stream: Pick<Duplex, "read">, into: Uint8Array): Promise<number | null> {
  return isSpent() ? readLater(stream, into) : stream.read(into);
}

/**
 * Before a step that is no read: the next piece of a body that is sent, the next request of a pipeline.
 *
 * @returns What to wait for; `undefined` when the step may be taken now.
 */
export function fairStep(): Promise<void> | undefined {
  return isSpent() ? waitForTurn() : undefined;
}

/** The turn that something waits for, if anything does: for tests, which move time themselves. */
export function awaitedTurn(): Promise<void> | undefined {
  return nextTurn;
}

function isSpent(): boolean {
  if (++steps < STEPS_BEFORE_TURN) return false;
  if (askedAt !== 0) return performance.now() - askedAt > MAX_MS;
  askedAt = performance.now();
  // As setTimeout, but the checks of `deno test` do not take it for a timer that was left behind.
  AbortSignal.timeout(0).onabort = onTurn;
  return false;
}

function onTurn(): void {
  steps = 0;
  askedAt = 0;
}

async function readLater(
  stream: Pick<Duplex, "read">,
  into: Uint8Array,
): Promise<number | null> {
  await waitForTurn();
  return await stream.read(into);
}

/** Those that wait go on in the order they came, and count: the next turn, too, is no longer than others. */
async function waitForTurn(): Promise<void> {
  do await (nextTurn ??= new Promise(turn)); while (isSpent());
}

function turn(resolve: () => void): void {
  AbortSignal.timeout(0).onabort = () => {
    nextTurn = undefined;
    onTurn();
    resolve();
  };
}
