import assert from "node:assert/strict";
import fc from "fast-check";
import {
  concat,
  data,
  frame,
  memoryPair,
  setting,
  uint32,
  windowUpdate,
} from "../testing/connection.ts";
import { Inbox } from "../../../net/inbox.ts";
import { ConnectionError } from "./errors.ts";
import { type FrameEvents, FrameParser } from "./frame_parser.ts";
import { Flag, FrameType } from "./frames.ts";

/** Writes down what happens. */
class Journal implements FrameEvents {
  readonly lines: string[] = [];

  onData(id: number, length: number, bytes: Uint8Array, start: number, end: number, last: boolean) {
    this.lines.push(`data ${id} ${length} [${bytes.subarray(start, end)}] ${last}`);
  }

  onBlock(id: number, bytes: Uint8Array, start: number, end: number, last: boolean) {
    this.lines.push(`block ${id} [${bytes.subarray(start, end)}] ${last}`);
  }

  onPriority(id: number, errorCode: number | undefined) {
    this.lines.push(`priority ${id} ${errorCode}`);
  }

  onWindowUpdate(id: number, increment: number) {
    this.lines.push(`window ${id} ${increment}`);
  }

  onReset(id: number, code: number) {
    this.lines.push(`reset ${id} ${code}`);
  }

  onSettings(bytes: Uint8Array, start: number, end: number) {
    this.lines.push(`settings [${bytes.subarray(start, end)}]`);
  }

  onSettingsAck() {
    this.lines.push("settings ack");
  }

  onContinuation() {
    this.lines.push("continuation");
  }

  onPing(bytes: Uint8Array, start: number) {
    this.lines.push(`ping [${bytes.subarray(start, start + 8)}]`);
  }

  onPong(mark: number) {
    this.lines.push(`pong ${mark}`);
  }

  onGoAway(lastId: number, code: number) {
    this.lines.push(`goaway ${lastId} ${code}`);
  }

  onUnknown() {
    this.lines.push("unknown");
  }
}

/** What a parser makes of bytes that come in pieces of the given sizes, over and over. */
async function journalOf(bytes: Uint8Array, sizes: readonly number[]): Promise<string[]> {
  const [near, far] = memoryPair();
  const inbox = new Inbox(near);
  const journal = new Journal();
  const parser = new FrameParser(inbox, journal, 1000);
  let at = 0;
  let read = 0;
  try {
    for (let i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length];
      await far.write(bytes.subarray(at, at + size));
      at = Math.min(at + size, bytes.length);
      while (read < at) {
        read += await inbox.more(65_536) ?? 0;
        while (parser.next(1));
      }
    }
  } catch (error) {
    assert.ok(error instanceof ConnectionError, String(error));
    journal.lines.push(`error ${error.code}`);
  }
  inbox.release();
  return journal.lines;
}

const SETTINGS = frame(FrameType.SETTINGS, 0, 0, setting(4, 100));

Deno.test("frames become events, without their padding and priority", async () => {
  const bytes = concat([
    SETTINGS,
    frame(FrameType.HEADERS, Flag.END_STREAM | Flag.END_HEADERS, 1, [7, 8]),
    frame(FrameType.HEADERS, Flag.PADDED | Flag.PRIORITY, 3, [2, 0, 0, 0, 1, 9, 5, 0, 0]),
    frame(FrameType.CONTINUATION, 0, 3, [6]),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, [4]),
    frame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 3, [1, 9, 0]),
    windowUpdate(0, 5),
    frame(FrameType.PING, Flag.ACK, 0, concat([uint32(0), uint32(77)])),
    frame(FrameType.GOAWAY, 0, 0, concat([uint32(3), uint32(2), uint32(0)])),
    frame(FrameType.PRIORITY, 0, 5, [0, 0, 0, 5, 1]),
    frame(99, 255, 5, [1, 2, 3]),
  ]);
  assert.deepEqual(await journalOf(bytes, [1000]), [
    "settings [0,4,0,0,0,100]",
    "block 1 [7,8] true",
    "continuation",
    "continuation",
    "block 3 [5,6,4] false",
    "data 3 3 [9] true",
    "window 0 5",
    "pong 77",
    "goaway 3 2",
    "priority 5 1",
    "unknown",
  ]);
});

const anyFrame = fc.tuple(
  fc.integer({ min: 0, max: 10 }),
  fc.constantFrom(0, 1, 4, 5, 8, 0x25, 0x2d),
  fc.constantFrom(0, 1, 3),
  fc.uint8Array({ maxLength: 40 }),
).map(([type, flags, id, payload]) => frame(type, flags, id, payload));

Deno.test("events do not depend on the pieces in which bytes come", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
      async (frames, sizes) => {
        const bytes = concat([SETTINGS, ...frames]);
        assert.deepEqual(await journalOf(bytes, sizes), await journalOf(bytes, [bytes.length]));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a frame as large as may be passes a buffer that begins small", async () => {
  const payload = Uint8Array.from({ length: 16_384 }, (_, i) => i);
  const bytes = concat([SETTINGS, data(1, payload), data(1, payload), windowUpdate(0, 1)]);
  const lines = await journalOf(bytes, [700]);
  assert.ok(lines[1] === `data 1 16384 [${payload}] false`);
  assert.ok(lines[2] === lines[1]);
  assert.equal(lines[3], "window 0 1");
});
