import assert from "node:assert/strict";
import { newMemory } from "../../zones/layout.ts";
import { ring, RingReader, RingWriter, SEGMENT_BYTES, SEGMENTS } from "../../zones/ring.ts";
import { LogSink, type LogTargetStream } from "./sink.ts";

/** A stream that a test can block or break. */
class TestStream implements LogTargetStream {
  text = "";
  gate: Promise<void> = Promise.resolve();
  broken = false;

  async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    if (this.broken) throw new Error("disk full");
    // Less than asked for, as a pipe does.
    const part = bytes.slice(0, Math.max(1, bytes.length >> 1));
    this.text += new TextDecoder().decode(part);
    return part.length;
  }
}

/** A file on a disk with so much room. */
class TestDisk implements LogTargetStream {
  text = "";
  room = Infinity;
  attempts = 0;
  readonly endsMidLine: boolean;

  constructor(text = "") {
    this.text = text;
    this.endsMidLine = text !== "" && !text.endsWith("\n");
  }

  write(bytes: Uint8Array): Promise<number> {
    this.attempts++;
    if (this.room === 0) return Promise.reject(new Error("disk full"));
    const part = bytes.slice(0, Math.min(bytes.length, this.room));
    this.room -= part.length;
    this.text += new TextDecoder().decode(part);
    return Promise.resolve(part.length);
  }

  size(): Promise<number> {
    return Promise.resolve(this.text.length);
  }
}

function setUp() {
  return setUpOn(new TestStream());
}

function setUpOn<Stream extends LogTargetStream>(stream: Stream) {
  const faults: string[] = [];
  const settings = { level: "info", format: "text" } as const;
  const sink = new LogSink(stream, settings, (reason) => faults.push(reason));
  const writer = () => {
    const shared = newMemory(ring, undefined, 1);
    sink.add(new RingReader(shared));
    return new RingWriter(shared);
  };
  return { stream, faults, sink, writer };
}

Deno.test("lines of several threads are written whole", async () => {
  const { stream, sink, writer } = setUp();
  const [a, b] = [writer(), writer()];
  for (let i = 0; i < 50; i++) {
    a.append(`a${i}\n`);
    b.append(`b${i}\n`);
  }
  assert.ok(await sink.flush(1_000));
  const lines = stream.text.trimEnd().split("\n");
  assert.equal(lines.length, 100);
  assert.ok(lines.every((line) => /^[ab]\d+$/.test(line)));
});

Deno.test("a line that comes while others are being written is flushed, too", async () => {
  const { stream, sink, writer } = setUp();
  const a = writer();
  a.append("one\n");
  sink.pump();
  a.append("two\n");
  assert.ok(await sink.flush(1_000));
  assert.equal(stream.text, "one\ntwo\n");
});

Deno.test("a stuck stream costs lines, which are counted once it works again", async () => {
  const { stream, sink, writer } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.gate = promise;
  const a = writer();
  const line = `${"x".repeat(SEGMENT_BYTES - 2)}\n`;
  sink.pump();
  for (let i = 0; i < SEGMENTS + 3; i++) a.append(line);
  assert.equal(await sink.flush(10), false, "a flush does not wait for ever");
  resolve();
  assert.ok(await sink.flush(1_000));
  assert.match(stream.text, /^\d+ WARN fluxheim: 3 log lines were lost: /m);
});

Deno.test("a stream that fails is reported once, and again after it has worked", async () => {
  const { stream, sink, writer, faults } = setUp();
  const a = writer();
  for (const broken of [true, true, false, true]) {
    stream.broken = broken;
    a.append("line\n");
    assert.equal(await sink.flush(1_000), !broken);
  }
  assert.deepEqual(faults, ["disk full", "disk full"]);
});

Deno.test("what a full disk did not take comes when there is room again, each line whole and once", async () => {
  const disk = new TestDisk();
  const { sink, writer, faults } = setUpOn(disk);
  const [a, b] = [writer(), writer()];
  const expected: string[] = [];
  let count = 0;
  for (const room of [13, 0, 1, 0, 20, 7, Infinity]) {
    for (const ring of [a, b]) {
      const line = `line ${count++}`;
      ring.append(`${line}\n`);
      expected.push(line);
    }
    disk.room = room;
    await sink.flush(1_000);
  }
  assert.ok(disk.text.endsWith("\n"));
  assert.deepEqual(disk.text.trimEnd().split("\n").toSorted(), expected.toSorted());
  assert.deepEqual(faults, ["disk full"], "one outage is told once, however it trickles");
});

Deno.test("a disk that stays full is tried once a pump, not again and again", async () => {
  const disk = new TestDisk();
  disk.room = 0;
  const { sink, writer } = setUpOn(disk);
  const rings = [writer(), writer()];
  for (const ring of rings) ring.append("line\n");
  await sink.flush(1_000);
  assert.equal(disk.attempts, 1);
});

Deno.test("a log that is emptied behind half a line begins with the whole line", async () => {
  const disk = new TestDisk();
  const { sink, writer } = setUpOn(disk);
  const a = writer();
  a.append("first\nsecond\n");
  disk.room = 9;
  await sink.flush(1_000);
  assert.equal(disk.text, "first\nsec");
  disk.text = "";
  // Still full, as where others took the room at once.
  await sink.flush(1_000);
  disk.room = Infinity;
  assert.ok(await sink.flush(1_000));
  assert.equal(disk.text, "second\n");
});

Deno.test("what a full disk makes a ring drop is counted, once the disk has room", async () => {
  const disk = new TestDisk();
  const { sink, writer } = setUpOn(disk);
  const a = writer();
  const line = `${"x".repeat(SEGMENT_BYTES - 2)}\n`;
  disk.room = 100;
  for (let i = 0; i < SEGMENTS + 3; i++) a.append(line);
  await sink.flush(1_000);
  assert.match(disk.text, /^x{100}$/);
  for (let i = 0; i < 3; i++) a.append(line);
  // Enough for what was torn and for half of the warning.
  disk.room = line.length - 80;
  await sink.flush(1_000);
  disk.room = Infinity;
  assert.ok(await sink.flush(1_000));
  const lines = disk.text.trimEnd().split("\n");
  const told = lines.flatMap((text) => /(\d+) log lines were lost/.exec(text)?.[1] ?? []);
  const written = lines.filter((text) => text === line.trimEnd()).length;
  assert.equal(written + told.reduce((sum, count) => sum + Number(count), 0), SEGMENTS + 6);
  assert.equal(lines.length, written + told.length, "there is no other line");
});

Deno.test("a number of lost lines that could not be written is reported later", async () => {
  const disk = new TestDisk();
  const { sink, writer } = setUpOn(disk);
  const a = writer();
  a.append("line\n");
  a.append("x".repeat(SEGMENT_BYTES + 1));
  disk.room = 5;
  await sink.flush(1_000);
  disk.room = Infinity;
  assert.ok(await sink.flush(1_000));
  assert.match(disk.text, /^line\n\d+ WARN fluxheim: 1 log lines were lost: [^\n]*\n$/);
});

Deno.test("nothing is glued to half a line that an earlier process left", async () => {
  const disk = new TestDisk("whole\nhal");
  const { sink, writer } = setUpOn(disk);
  writer().append("line\n");
  disk.room = 0;
  await sink.flush(1_000);
  disk.room = Infinity;
  assert.ok(await sink.flush(1_000));
  assert.equal(disk.text, "whole\nhal\nline\n");
});

Deno.test("lines that are given up are counted: those that wait, one that is torn, and what was dropped", async () => {
  const disk = new TestDisk();
  const { sink, writer } = setUpOn(disk);
  const a = writer();
  a.append("first\nsecond\n");
  a.append("third\n");
  a.append("x".repeat(SEGMENT_BYTES + 1));
  disk.room = 9;
  assert.equal(await sink.flush(1_000), false);
  assert.equal(sink.abandon(), 3);
  assert.equal(sink.abandon(), 0);
  assert.ok(await sink.flush(1_000));
  assert.equal(disk.text, "first\nsec");
});
