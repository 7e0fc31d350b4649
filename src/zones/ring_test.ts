import assert from "node:assert/strict";
import { newMemory } from "./layout.ts";
import { ring as layout, RingReader, SEGMENT_BYTES, SEGMENTS } from "./ring.ts";
import { cutShort } from "./testing/cut_short.ts";

function ring(onSealed = () => {}) {
  const shared = newMemory(layout, undefined, 1);
  const writer = layout.open(shared, { index: 0, count: 1 });
  writer.onSealed = onSealed;
  return { shared, writer, reader: new RingReader(shared) };
}

/** Everything that waits, freed as it is read. */
function drain(reader: RingReader): string {
  let text = "";
  for (;;) {
    const bytes = reader.peek();
    if (bytes === undefined) return text;
    text += new TextDecoder().decode(bytes.slice());
    reader.release(bytes.length);
  }
}

const LONG = `${"x".repeat(SEGMENT_BYTES / 2)}\n`;

Deno.test("lines come out as they went in", () => {
  const { writer, reader } = ring();
  writer.append("one\n");
  writer.append("zwölf €\n");
  assert.equal(drain(reader), "one\nzwölf €\n");
  writer.append("three\n");
  assert.equal(drain(reader), "three\n");
});

Deno.test("what was not released is there again", () => {
  const { writer, reader } = ring();
  writer.append("one\n");
  assert.equal(reader.peek()?.length, 4);
  reader.release(1);
  assert.equal(reader.peek()?.length, 3);
});

Deno.test("many times the ring's size passes through a ring that is read", () => {
  const { writer, reader } = ring();
  let expected = "", got = "";
  for (let i = 0; i < 5 * SEGMENTS; i++) {
    const line = `${i} ${"y".repeat(SEGMENT_BYTES / 3)}\n`;
    assert.equal(writer.append(line), true);
    expected += line;
    got += drain(reader);
  }
  assert.equal(got, expected);
  assert.equal(reader.takeLost(), 0);
});

Deno.test("a ring that is not read drops lines, counts them, and goes on when it is read again", () => {
  const { writer, reader } = ring();
  let kept = 0;
  for (let i = 0; i < 4 * SEGMENTS; i++) if (writer.append(LONG)) kept++;
  assert.equal(kept, SEGMENTS, "one line of half a segment and a byte fits each segment");
  assert.equal(drain(reader).length, kept * LONG.length);
  assert.equal(reader.takeLost(), 4 * SEGMENTS - kept);
  assert.equal(reader.takeLost(), 0);
  assert.equal(writer.append("again\n"), true);
  assert.equal(drain(reader), "again\n");
});

Deno.test("a line that no segment can hold is counted as lost", () => {
  const { writer, reader } = ring();
  assert.equal(writer.append("€".repeat(SEGMENT_BYTES / 2)), false);
  assert.equal(writer.append("short\n"), true);
  assert.equal(writer.append("€".repeat(SEGMENT_BYTES / 2)), false);
  assert.equal(drain(reader), "short\n");
  assert.equal(reader.takeLost(), 2);
});

Deno.test("an error at any step of the writer costs its line at most, and no room", () => {
  const { writer, reader } = ring();
  for (let step = 1, failed = true; failed; step++) {
    failed = false;
    for (let round = 0; round < 2 * SEGMENTS; round++) {
      // A line that goes into a segment of its own, so that the writer goes on with the next.
      if (cutShort("error", step, () => writer.append(LONG))) failed = true;
      for (const line of drain(reader).split("\n")) assert.ok(["", LONG.trim()].includes(line));
    }
    let kept = 0;
    while (writer.append(LONG)) kept++;
    assert.ok(kept >= SEGMENTS - 1, `${kept} segments after errors at step ${step}`);
    drain(reader);
  }
  assert.equal(reader.fault, undefined);
});

Deno.test("a full segment wakes the reader", () => {
  let woken = 0;
  const { writer } = ring(() => woken++);
  writer.append(LONG);
  assert.equal(woken, 0);
  writer.append(LONG);
  assert.equal(woken, 1);
});

/** The cells of a ring's first segment, where a writer that was taken over writes what it likes. */
function cellsOf(shared: SharedArrayBuffer) {
  return { cells: new Int32Array(shared), state: 1, length: 2, next: 3, perSegment: 3 };
}

/** Everything that {@linkcode drain} finds, and how the ring breaks the rules. */
function outcome(reader: RingReader): { text: string; isFaulty: boolean } {
  const text = drain(reader);
  return { text, isFaulty: reader.fault !== undefined };
}

for (const length of [-1, SEGMENT_BYTES + 1, 2 ** 31 - 1, -(2 ** 31)]) {
  Deno.test(`a length of ${length} in a ring is a fault`, () => {
    const { shared, writer, reader } = ring();
    writer.append("one\n");
    assert.equal(drain(reader), "one\n");
    const { cells, length: at } = cellsOf(shared);
    cells[at] = length;
    assert.deepEqual(outcome(reader), { text: "", isFaulty: true });
  });
}

for (const next of [-1, 0, SEGMENTS, 2 ** 31 - 1]) {
  Deno.test(`a first segment that is followed by ${next} is a fault`, () => {
    const { shared, writer, reader } = ring();
    writer.append("one\n");
    const { cells, state, next: at } = cellsOf(shared);
    cells[at] = next;
    cells[state] = 2;
    assert.deepEqual(outcome(reader), { text: "one\n", isFaulty: true });
  });
}

Deno.test("segments that follow one another in a circle end the look, and not the reader", () => {
  const { shared, reader } = ring();
  const { cells, state, next, perSegment } = cellsOf(shared);
  for (let i = 0; i < SEGMENTS; i++) {
    cells[state + i * perSegment] = 2;
    cells[next + i * perSegment] = (i + 1) % SEGMENTS;
  }
  assert.equal(drain(reader), "");
});

for (
  const bytes of [
    "half a line",
    "a \u001b[2J terminal\n",
    "a carriage return\r\n",
    "\0\n",
    "\x7f\n",
  ]
) {
  Deno.test(`${JSON.stringify(bytes)} in a ring is a fault and no record`, () => {
    const { writer, reader } = ring();
    writer.append("one\n");
    assert.equal(drain(reader), "one\n");
    writer.append(bytes);
    assert.deepEqual(outcome(reader), { text: "", isFaulty: true });
  });
}

Deno.test("what a writer changes after the look is not what is written", () => {
  const { shared, writer, reader } = ring();
  writer.append("one\n");
  const bytes = reader.peek();
  new Uint8Array(shared).fill(0x1b);
  assert.equal(new TextDecoder().decode(bytes), "one\n");
});

Deno.test("of a thread that goes on after its end no more is read than fits the ring", () => {
  const { writer, reader } = ring();
  reader.end();
  let bytes = 0;
  for (let i = 0; i < 4 * SEGMENTS; i++) {
    writer.append(LONG);
    bytes += drain(reader).length;
  }
  assert.ok(bytes <= (SEGMENTS + 1) * SEGMENT_BYTES, `${bytes} bytes were read`);
});

Deno.test("a ring full of garbage never throws and never loops", () => {
  const { shared, reader } = ring();
  const words = new Uint32Array(shared);
  for (let round = 0; round < 200; round++) {
    for (let at = 0; at < 1 + 3 * SEGMENTS; at++) {
      words[at] = round % 2 === 0 ? Math.random() * 2 ** 32 : Math.random() * 4;
    }
    drain(reader);
    drain(new RingReader(shared));
    assert.ok(reader.takeLost() >= 0);
  }
});

Deno.test("between real threads no line is torn, repeated, out of order or lost uncounted", async () => {
  const { shared, reader } = ring();
  const worker = new Worker(new URL("./testing/ring_hammer_worker.ts", import.meta.url), {
    type: "module",
  });
  const { port1, port2 } = new MessageChannel();
  const lines = 100_000;
  let kept: number | undefined;
  port1.onmessage = ({ data }: MessageEvent<number>) => kept = data;
  worker.postMessage({ shared, lines, port: port2 }, [port2]);
  let received = 0, previous = -1, text = "";
  for (let last = false; !last;) {
    last = kept !== undefined;
    text += drain(reader);
    const complete = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(0, complete).split("\n").slice(0, -1)) {
      const [number, filling] = line.split(" ");
      assert.ok(Number(number) > previous, `${number} comes behind ${previous}`);
      assert.equal(filling.length, Number(number) % 300);
      previous = Number(number);
      received++;
    }
    text = text.slice(complete);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  worker.terminate();
  port1.close();
  assert.equal(received, kept);
  assert.equal(received + reader.takeLost(), lines);
});
