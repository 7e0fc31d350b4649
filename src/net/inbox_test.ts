import assert from "node:assert/strict";
import { Inbox, InboxStream } from "./inbox.ts";
import { ReplayDuplex } from "./listen/replay.ts";
import type { Duplex } from "./duplex.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A stream that hands out `pieces`, at most as many bytes a read as there is room for. */
function streamOf(...pieces: string[]): Duplex & { reads: number[] } {
  let bytes = encoder.encode(pieces.shift() ?? "");
  const reads: number[] = [];
  return {
    reads,
    read(into) {
      reads.push(into.length);
      // As the runtime's own connections do, even when they are closed.
      if (into.length === 0) return Promise.resolve(0);
      if (bytes.length === 0) return Promise.resolve(null);
      const count = Math.min(bytes.length, into.length);
      into.set(bytes.subarray(0, count));
      bytes = bytes.subarray(count);
      if (bytes.length === 0) bytes = encoder.encode(pieces.shift() ?? "");
      return Promise.resolve(count);
    },
    write: (part) => Promise.resolve(part.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

function unused({ bytes, start, end }: Inbox): string {
  return decoder.decode(bytes.subarray(start, end));
}

Deno.test("an inbox grows with what arrives, up to its capacity", async () => {
  const inbox = new Inbox(streamOf("x".repeat(3000)));
  let count = 0;
  while (inbox.end - inbox.start < 2500) {
    const more = await inbox.more(4000);
    assert.ok(more !== null && more > 0);
    count += more;
  }
  assert.equal(unused(inbox), "x".repeat(count));
  inbox.release();
});

Deno.test("an inbox that is full says so", async () => {
  const inbox = new Inbox(streamOf("x".repeat(3000)));
  while (await inbox.more(1024) !== -1);
  assert.ok(inbox.end - inbox.start >= 1024);
  inbox.release();
});

Deno.test("what was read ahead comes first", async () => {
  const inbox = new Inbox(streamOf("one", "two"));
  await inbox.ahead();
  const stream = new InboxStream(inbox);
  const into = new Uint8Array(10);
  assert.equal(await stream.read(into), 3);
  assert.equal(decoder.decode(into.subarray(0, 3)), "one");
  assert.equal(await stream.read(into), 3);
  assert.equal(decoder.decode(into.subarray(0, 3)), "two");
  assert.equal(await stream.read(into), null);
  inbox.release();
});

Deno.test("bytes that arrive as a connection is given up count as its end", async () => {
  const inbox = new Inbox(streamOf("late"));
  const waiting = inbox.more(1024);
  inbox.release();
  assert.equal(await waiting, null);
  assert.equal(await inbox.more(1024), null);
});

Deno.test("an inbox goes back to its small buffer when it is empty", async () => {
  const inbox = new Inbox(streamOf("x".repeat(3000)));
  while (inbox.end < 3000) await inbox.more(4000);
  const large = inbox.bytes.length;
  inbox.shrink();
  assert.equal(inbox.bytes.length, large);
  inbox.take(new Uint8Array(3000));
  inbox.shrink();
  assert.ok(inbox.bytes.length < large);
  inbox.release();
});

Deno.test("a reset reaches the stream below, through what was read ahead of it as well", () => {
  const resets: string[] = [];
  const below = { ...streamOf(), reset: () => void resets.push("below") };
  new InboxStream(new Inbox(below)).reset?.();
  new ReplayDuplex(below, encoder.encode("x")).reset?.();
  assert.deepEqual(resets, ["below", "below"]);
  assert.equal(new InboxStream(new Inbox(streamOf())).reset, undefined);
  assert.equal(new ReplayDuplex(streamOf(), encoder.encode("x")).reset, undefined);
});
