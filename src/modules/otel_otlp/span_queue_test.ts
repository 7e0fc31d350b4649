import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { TraceContext } from "../../gateway/reports/trace_context.ts";
import { newMemory } from "../../zones/layout.ts";
import { ring, type RingWriter } from "../../zones/ring.ts";
import { parseSpanLine, spanLine } from "./span_line.ts";
import { SpanQueue } from "./span_queue.ts";
import { tracesJson } from "./spans_json.ts";

const TRACE = new TraceContext(
  "a".repeat(32),
  "",
  "b".repeat(16),
  false,
  "",
  true,
  1_700_000_000_000,
);

function line(): string {
  const { exchange } = made();
  return spanLine(exchange, TRACE);
}

function made() {
  const exchange = exchangeFixture({ method: "BREW", target: "/secret" });
  exchange.startedAt = performance.now();
  exchange.status = 503;
  return { exchange };
}

/** A queue over the memories of some workers. */
class Workers {
  readonly parts = new Map<number, { number: number; buffer: SharedArrayBuffer }>();
  readonly faults: string[] = [];
  lost = 0;
  readonly queue: SpanQueue;
  #onGone: (index: number) => void = () => {};
  #numbers = 0;

  constructor(max: number) {
    this.queue = new SpanQueue(max, {
      queueFull: (count) => void (this.lost += count),
      onFault: (what) => void this.faults.push(what),
    }, (onGone) => {
      this.#onGone = onGone;
      return this.parts;
    });
  }

  add(index: number): RingWriter {
    const buffer = newMemory(ring, undefined, 1);
    this.parts.set(index, { number: ++this.#numbers, buffer });
    return ring.open(buffer, { index, count: 1 });
  }

  lose(index: number): void {
    this.parts.delete(index);
    this.#onGone(index);
  }
}

Deno.test("so many spans wait and no more: the others are counted", () => {
  const workers = new Workers(3);
  const writers = [workers.add(0), workers.add(1)];
  for (const writer of writers) for (let i = 0; i < 3; i++) writer.append(line());
  workers.queue.collect();
  assert.equal(workers.queue.size, 3);
  assert.equal(workers.lost, 3);
  workers.queue.done(2);
  writers[0].append(line());
  workers.queue.collect();
  assert.equal(workers.queue.size, 2);
  assert.equal(workers.queue.next(1).length, 1);
});

Deno.test("what a worker has left at its end is collected, and its successor's as well", () => {
  const workers = new Workers(10);
  const first = workers.add(0);
  first.append(line());
  workers.queue.collect();
  first.append(line());
  workers.lose(0);
  workers.add(0).append(line());
  workers.queue.collect();
  assert.equal(workers.queue.size, 3);
  assert.deepEqual(workers.faults, []);
});

Deno.test("lines that are not spans are skipped, and reported once", () => {
  const workers = new Workers(10);
  const writer = workers.add(0);
  const record = JSON.parse(line());
  for (
    const wrong of [
      "{",
      "null",
      "[]",
      JSON.stringify({ ...record, traceId: "x" }),
      JSON.stringify({ ...record, us: -1 }),
      JSON.stringify({ ...record, wait: [1] }),
      JSON.stringify({ ...record, vhost: "v".repeat(1000) }),
      JSON.stringify({ ...record, startMs: 1e300 }),
      JSON.stringify({ ...record, parts: null }),
      JSON.stringify({ ...record, parts: { "cache lookup": [1] } }),
      JSON.stringify({ ...record, parts: { "cache lookup": null } }),
      JSON.stringify({ ...record, parts: { "NO name": [1, 2] } }),
    ]
  ) writer.append(`${wrong}\n`);
  writer.append(line());
  workers.queue.collect();
  assert.equal(workers.queue.size, 1);
  assert.equal(workers.faults.length, 1);
});

Deno.test("a line has nothing of the client, and no method that is not well known", () => {
  const record = parseSpanLine(line().trimEnd());
  assert.equal(record?.method, "OTHER");
  assert.ok(!line().includes("secret") && !line().includes("BREW"));
});

Deno.test("attributes of modules are there for exchanges that have them", () => {
  const { exchange } = made();
  const written = spanLine(exchange, TRACE, [
    { key: "fluxheim.a", of: () => "text" },
    { key: "fluxheim.b", of: () => undefined },
    { key: "fluxheim.c_ms", of: () => 1.5 },
    { key: "fluxheim.d", of: () => 7 },
  ]);
  const record = parseSpanLine(written.trimEnd());
  assert.ok(record !== undefined);
  const [span] = JSON.parse(tracesJson([record], "edge", () => "")).resourceSpans[0].scopeSpans[0]
    .spans;
  const own = span.attributes.filter(({ key }: { key: string }) => /^fluxheim\.[a-d]/.test(key));
  assert.deepEqual(own, [
    { key: "fluxheim.a", value: { stringValue: "text" } },
    { key: "fluxheim.c_ms", value: { doubleValue: 1.5 } },
    { key: "fluxheim.d", value: { intValue: "7" } },
  ]);
  const broken = written.replace("fluxheim.a", "FLUX heim");
  assert.equal(parseSpanLine(broken.trimEnd()), undefined);
});

Deno.test("times are decimal strings of nanoseconds, and the end is not before the start", () => {
  const record = parseSpanLine(line().trimEnd());
  assert.ok(record !== undefined);
  const json = tracesJson(
    [{ ...record, us: 1_234_567, wait: [10, 20] }],
    "edge",
    () => "c".repeat(16),
  );
  const [server, child] = JSON.parse(json).resourceSpans[0].scopeSpans[0].spans;
  assert.equal(server.startTimeUnixNano, "1700000000000000000");
  assert.equal(server.endTimeUnixNano, "1700000001234567000");
  assert.equal(server.status.code, 2);
  assert.equal(child.startTimeUnixNano, "1700000000000010000");
  assert.equal(child.endTimeUnixNano, "1700000000000030000");
  assert.equal(child.parentSpanId, server.spanId);
});
