import assert from "node:assert/strict";
import { memoryPair, settle } from "../testing/connection.ts";
import { Clock } from "../../../net/clock.ts";
import { FrameType } from "./frames.ts";
import { MAX_WAITING_BYTES, Output } from "./output.ts";

class Source {
  waiting = 0;
  written = 0;
  failed = 0;
  readonly faults: unknown[] = [];

  fill(output: Output): void {
    while (this.waiting > 0 && !output.isFull) {
      this.waiting--;
      output.frame(10_000, FrameType.DATA, 0, 1);
    }
  }

  onWritten(): void {
    this.written++;
  }

  onFault(fault: unknown): void {
    this.faults.push(fault);
  }

  onWriteFailed(): void {
    this.failed++;
  }
}

function fixture() {
  const [near, far] = memoryPair();
  const source = new Source();
  const clock = new Clock();
  clock.tick(1000);
  return { near, far, source, clock, output: new Output(near, clock, source) };
}

Deno.test("frames that gather leave in one write", async () => {
  const { output, far, source } = fixture();
  for (let i = 0; i < 5; i++) output.frame(8, FrameType.PING, 0, 0);
  output.flush();
  await settle();
  assert.equal(far.largestWrite, 5 * 17);
  assert.equal(source.written, 1);
});

Deno.test("a source with more than one batch is asked until it has no more", async () => {
  const { output, far, source } = fixture();
  source.waiting = 40;
  output.flush();
  await settle();
  assert.equal(far.received, 40 * 10_009);
  assert.ok(far.largestWrite <= 65_536);
});

Deno.test("what the source throws is reported as a fault, and not taken for the peer's", async () => {
  for (const method of ["fill", "onWritten"] as const) {
    const { output, source } = fixture();
    const fault = new TypeError("a fault");
    output.frame(8, FrameType.PING, 0, 0);
    source[method] = () => {
      throw fault;
    };
    output.flush();
    await settle();
    assert.deepEqual(source.faults, [fault]);
    assert.equal(source.failed, 0);
  }
});

Deno.test("what comes during a write waits for it, and counts as overrun when it is much", async () => {
  const { output, far, clock } = fixture();
  far.capacity = 10;
  output.frame(8, FrameType.PING, 0, 0);
  output.flush();
  await settle();
  assert.equal(output.writingSince, clock.now);
  assert.equal(output.isOverrun, false);
  while (output.size <= MAX_WAITING_BYTES) output.frame(8, FrameType.PING, 0, 0);
  assert.ok(output.isOverrun);
});

Deno.test("the end comes behind what waits", async () => {
  const { output, far, source } = fixture();
  source.waiting = 3;
  output.end();
  const into = new Uint8Array(65_536);
  let received = 0;
  for (;;) {
    const count = await far.read(into);
    if (count === null) break;
    received += count;
  }
  assert.equal(received, 3 * 10_009);
});

Deno.test("a write that fails is reported once", async () => {
  const { output, near, source } = fixture();
  near.close();
  output.frame(8, FrameType.PING, 0, 0);
  output.flush();
  output.flush();
  await settle();
  assert.equal(source.failed, 1);
  assert.equal(source.written, 0);
});
