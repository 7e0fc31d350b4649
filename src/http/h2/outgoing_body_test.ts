import assert from "node:assert/strict";
import { PiecesBody, settle } from "./testing/connection.ts";
import { SMALL } from "../../net/buffers.ts";
import { PumpedBody, WholeBody } from "./outgoing_body.ts";

const NOBODY = { onBodyReady() {} };

Deno.test("a whole body is complete from the start and copied in parts", () => {
  const body = new WholeBody(Uint8Array.of(1, 2, 3, 4));
  const into = new Uint8Array(6);
  body.copy(into, 1, 3);
  assert.equal(body.available, 1);
  body.copy(into, 4, 1);
  assert.deepEqual([...into], [0, 1, 2, 3, 4, 0]);
  assert.ok(body.isComplete);
});

Deno.test("a body that has all at once is complete after one pull", () => {
  const body = new PumpedBody(new PiecesBody(new Uint8Array(500), 100, false), NOBODY);
  body.pull();
  assert.equal(body.available, 500);
  assert.ok(body.isComplete);
});

Deno.test("a body that makes wait says when it is ready, and reads no further than its buffer", async () => {
  let ready = 0;
  const source = new PiecesBody(new Uint8Array(5000), 100, true);
  const body = new PumpedBody(source, {
    onBodyReady() {
      ready++;
      body.pull();
    },
  });
  body.pull();
  assert.equal(body.available, 0);
  await settle();
  assert.equal(body.available, 1024);
  assert.equal(ready, 11);
  body.copy(new Uint8Array(1024), 0, 1024);
  body.pull();
  await settle();
  assert.ok(body.available > 0);
  body.cancel();
  assert.ok(source.cancelled);
});

Deno.test("a body that was released is not read again, and not cancelled", async () => {
  let ready = 0;
  const source = new PiecesBody(new Uint8Array(5000), 100, true);
  const body = new PumpedBody(source, { onBodyReady: () => void ready++ });
  body.pull();
  body.release();
  await settle();
  assert.equal(ready, 0);
  assert.equal(body.available, 0);
  assert.equal(source.cancelled, false);
});

Deno.test("a buffer that a read may still write to is not given to another body", async () => {
  let into: Uint8Array | undefined;
  let finish = (_count: number | null) => {};
  const source = new PiecesBody(new Uint8Array(0), 1, true);
  source.read = (buffer) => {
    into = buffer;
    return new Promise((resolve) => finish = resolve);
  };
  const body = new PumpedBody(source, NOBODY);
  body.pull();
  body.cancel();
  const taken = Array.from({ length: 200 }, () => SMALL.take());
  assert.ok(into !== undefined && !taken.includes(into));
  for (const buffer of taken) SMALL.give(buffer);
  finish(10);
  await settle();
  const again = SMALL.take();
  assert.equal(again, into);
  SMALL.give(again);
});

Deno.test("a body that throws, or gives nothing, has failed", () => {
  for (
    const read of [() => {
      throw new Error("broken");
    }, () => 0]
  ) {
    const source = new PiecesBody(new Uint8Array(10), 10, false);
    source.read = read;
    const body = new PumpedBody(source, NOBODY);
    body.pull();
    assert.ok(body.failure instanceof Error);
  }
});
