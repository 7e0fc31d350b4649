import assert from "node:assert/strict";
import { LogRingReader, LogRingWriter, RING_BYTES, SEGMENT_BYTES, SEGMENTS } from "./log_ring.ts";
import { LogSink, type LogTargetStream } from "./log_sink.ts";

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

function setUp() {
  const stream = new TestStream();
  const faults: string[] = [];
  const settings = { level: "info", format: "text" } as const;
  const sink = new LogSink(stream, settings, (reason) => faults.push(reason));
  const writer = () => {
    const shared = new SharedArrayBuffer(RING_BYTES);
    sink.add(new LogRingReader(shared));
    return new LogRingWriter(shared, () => {});
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

Deno.test("a stream that fails is told once, and again after it has worked", async () => {
  const { stream, sink, writer, faults } = setUp();
  const a = writer();
  for (const broken of [true, true, false, true]) {
    stream.broken = broken;
    a.append("line\n");
    assert.ok(await sink.flush(1_000));
  }
  assert.deepEqual(faults, ["disk full", "disk full"]);
});
