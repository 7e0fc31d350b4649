import assert from "node:assert/strict";
import fc from "fast-check";
import type { Body } from "../../../http/body.ts";
import { MAX_REPLAY_BYTES, ReplayBody } from "./replay_body.ts";

/** A client's body that comes in pieces; `"wait"` between them makes the reader wait. */
class ClientBody implements Body {
  readonly trailers = undefined;
  isCancelled = false;
  readonly #pieces: (Uint8Array | "wait")[];
  #waiting: (() => void) | undefined;

  constructor(
    pieces: readonly (Uint8Array | "wait")[],
    readonly length: number | undefined = undefined,
  ) {
    this.#pieces = [...pieces];
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    assert.equal(this.#waiting, undefined, "only one read at a time");
    const [first] = this.#pieces;
    if (first === undefined) return null;
    if (first !== "wait") return this.#take(first, into);
    return new Promise((resolve) => {
      this.#waiting = () => {
        this.#waiting = undefined;
        this.#pieces.shift();
        const next = this.#pieces[0];
        resolve(next === undefined || next === "wait" ? null : this.#take(next, into));
      };
    });
  }

  /** Lets the read that waits have its bytes. */
  go(): void {
    this.#waiting?.();
  }

  cancel(): void {
    this.isCancelled = true;
  }

  #take(piece: Uint8Array, into: Uint8Array): number {
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(count);
    return count;
  }
}

function replayOf(source: Body): ReplayBody {
  const replay = ReplayBody.of(source);
  assert.ok(replay !== undefined);
  return replay;
}

/** Reads to the end, letting the client send whenever it is waited for. */
async function readAll(body: Body, source: ClientBody, buffer = 16): Promise<number[]> {
  const all: number[] = [];
  const into = new Uint8Array(buffer);
  for (;;) {
    const pending = body.read(into);
    queueMicrotask(() => source.go());
    const count = await pending;
    if (count === null) return all;
    all.push(...into.subarray(0, count));
  }
}

const pieces = fc.array(
  fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constant("wait" as const)),
  { maxLength: 12 },
).map((list) => list.filter((piece, i) => piece !== "wait" || list[i + 1] instanceof Uint8Array));

Deno.test("whatever an attempt has read, the next one reads the whole body", async () => {
  await fc.assert(fc.asyncProperty(pieces, fc.nat(12), fc.nat(30), async (list, reads, room) => {
    const source = new ClientBody(list);
    const expected = list.flatMap((piece) => piece === "wait" ? [] : [...piece]);
    const replay = replayOf(source);
    const first = replay.attempt();
    let left: number | null | Promise<number | null> = 0;
    for (let i = 0; i < reads && left !== null; i++) {
      left = first.read(new Uint8Array(room + 1));
      // The last read may still be waiting for the client when the attempt is given up.
      if (typeof left === "object" && left !== null) {
        if (i === reads - 1) break;
        queueMicrotask(() => source.go());
        left = await left;
      }
    }
    first.cancel();
    assert.ok(replay.isWhole);
    assert.deepEqual(await readAll(replay.attempt(), source), expected);
    assert.equal(first.read(new Uint8Array(1)), null);
    assert.equal(source.isCancelled, false);
  }));
});

Deno.test("a body known to be too long is not kept", () => {
  assert.equal(ReplayBody.of(new ClientBody([], MAX_REPLAY_BYTES + 1)), undefined);
  assert.notEqual(ReplayBody.of(new ClientBody([], MAX_REPLAY_BYTES)), undefined);
});

Deno.test("a body that turns out to be too long goes on, and cannot be sent again", async () => {
  const source = new ClientBody([new Uint8Array(MAX_REPLAY_BYTES), new Uint8Array(10)]);
  const replay = replayOf(source);
  const body = replay.attempt();
  const into = new Uint8Array(MAX_REPLAY_BYTES);
  assert.equal(await body.read(into), MAX_REPLAY_BYTES);
  assert.ok(replay.isWhole);
  assert.equal(await body.read(into), 10);
  assert.equal(replay.isWhole, false);
  assert.equal(await body.read(into), null);
});

Deno.test("what an old attempt still receives is not lost, even past the bound", async () => {
  const late = new Uint8Array(20).fill(7);
  const source = new ClientBody([new Uint8Array(MAX_REPLAY_BYTES), "wait", late]);
  const replay = replayOf(source);
  const first = replay.attempt();
  await first.read(new Uint8Array(MAX_REPLAY_BYTES));
  const pending = first.read(new Uint8Array(32));
  const second = replay.attempt();
  source.go();
  await pending;
  const all = await readAll(second, source, MAX_REPLAY_BYTES);
  assert.equal(all.length, MAX_REPLAY_BYTES + 20);
  assert.deepEqual(all.slice(-20), [...late]);
});

Deno.test("a body that an attempt gave up is given up when there is no other", () => {
  const source = new ClientBody([new Uint8Array(5)]);
  const replay = replayOf(source);
  replay.attempt().cancel();
  assert.equal(source.isCancelled, false);
  replay.release();
  assert.ok(source.isCancelled);
});

Deno.test("after the answer a body is given up at once", () => {
  const source = new ClientBody([new Uint8Array(5)]);
  const replay = replayOf(source);
  const body = replay.attempt();
  replay.release();
  body.cancel();
  assert.ok(source.isCancelled);
});

Deno.test("an attempt that is over cannot give the body up", () => {
  const source = new ClientBody([new Uint8Array(5)]);
  const replay = replayOf(source);
  const first = replay.attempt();
  replay.attempt();
  replay.release();
  first.cancel();
  assert.equal(source.isCancelled, false);
});
