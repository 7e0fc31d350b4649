import assert from "node:assert/strict";
import { memoryPair } from "../testing/connection.ts";
import { Clock } from "../../../net/clock.ts";
import { BATCH_BYTES, Output } from "./output.ts";
import type { Stream } from "../stream.ts";
import { TurnQueue } from "./turn_queue.ts";

/** A stream as far as the queue knows one. */
class Waiter implements Pick<Stream, "nextInTurn" | "isQueued" | "takeTurn"> {
  nextInTurn: Stream | undefined = undefined;
  isQueued = false;

  /** @param turns What each turn sends, the last one over and over if it wants more. */
  constructor(readonly order: string[], readonly name: string, readonly turns: number[]) {}

  takeTurn(output: Output): boolean {
    this.order.push(this.name);
    const bytes = this.turns.shift() ?? 0;
    output.reserve(bytes);
    output.size += bytes;
    return this.turns.length > 0;
  }
}

function fixture() {
  const [stream] = memoryPair();
  const source = { fill() {}, onWritten() {}, onWriteFailed() {}, onFault() {} };
  const output = new Output(stream, new Clock(), source);
  const queue = new TurnQueue();
  const order: string[] = [];
  const add = (name: string, ...turns: number[]) => {
    const waiter: unknown = new Waiter(order, name, turns);
    queue.add(waiter as Stream);
  };
  return { output, queue, order, add };
}

Deno.test("streams take turns in the order they came", () => {
  const { output, queue, order, add } = fixture();
  add("a", 1, 1, 1);
  add("b", 1);
  add("c", 1, 1);
  queue.fill(output);
  assert.deepEqual(order, ["a", "b", "c", "a", "c", "a"]);
});

Deno.test("streams that have nothing to say do not keep others from their turn", () => {
  const { output, queue, order, add } = fixture();
  for (const name of ["a", "b", "c", "d"]) add(name);
  add("e", 1);
  queue.fill(output);
  assert.deepEqual(order, ["a", "b", "c", "d", "e"]);
});

Deno.test("when all wait for a window the queue stops, and keeps them", () => {
  const { output, queue, order, add } = fixture();
  add("a", 0, 1);
  add("b", 0, 1);
  queue.fill(output);
  assert.deepEqual(order, ["a", "b"]);
  queue.fill(output);
  assert.deepEqual(order, ["a", "b", "a", "b"]);
});

Deno.test("a full output stops the turns", () => {
  const { output, queue, order, add } = fixture();
  add("a", BATCH_BYTES, 1);
  add("b", 1);
  queue.fill(output);
  assert.deepEqual(order, ["a"]);
});
