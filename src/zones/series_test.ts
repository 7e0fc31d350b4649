import assert from "node:assert/strict";
import { turn } from "../net/testing/until.ts";
import { newMemory } from "./layout.ts";
import {
  type Labels,
  MAX_SERIES,
  MAX_TOTAL_SERIES,
  series,
  SERIES_BYTES,
  SeriesTotals,
  type SeriesWriter,
} from "./series.ts";
import { cutShort } from "./testing/cut_short.ts";

/** Threads with a memory each, and the sums over them. */
class Process {
  readonly faults: string[] = [];
  readonly totals = new SeriesTotals({ onFault: (what) => this.faults.push(what) });
  readonly threads = new Map<number, { buffer: SharedArrayBuffer }>();

  thread(index: number): SeriesWriter {
    const buffer = newMemory(series, undefined, 2);
    this.threads.set(index, { buffer });
    return series.open(buffer, { index, count: 2 });
  }

  lose(index: number): void {
    this.totals.retire(index, this.threads.get(index)?.buffer ?? new SharedArrayBuffer(0));
    this.threads.delete(index);
  }

  read(): [string, Labels, number][] {
    return this.totals.read(this.threads).map(({ name, labels, value }) => [name, labels, value]);
  }
}

function count(writer: SeriesWriter, labels: Labels, times = 1): void {
  for (let i = 0; i < times; i++) writer.cell("requests_total", labels)?.count();
}

Deno.test("a series is the sum of what all threads have counted", () => {
  const process = new Process();
  const [first, second] = [process.thread(0), process.thread(1)];
  count(second, { vhost: "b" });
  count(first, { vhost: "a" }, 3);
  count(first, { vhost: "b" });
  const values = Object.fromEntries(process.read().map(([, { vhost }, value]) => [vhost, value]));
  assert.deepEqual(values, { a: 3, b: 2 });
});

Deno.test("a series that is asked for twice is one", () => {
  const process = new Process();
  const writer = process.thread(0);
  assert.equal(writer.cell("a_total", {}), writer.cell("a_total", {}));
  writer.cell("a_total", {});
  assert.deepEqual(process.read(), [["a_total", {}, 0]]);
});

Deno.test("what a lost thread has counted stays, and its successor begins anew", () => {
  const process = new Process();
  count(process.thread(0), { vhost: "ä" }, 5);
  process.read();
  process.lose(0);
  assert.deepEqual(process.read(), [["requests_total", { vhost: "ä" }, 5]]);
  count(process.thread(0), { vhost: "ä" }, 2);
  assert.deepEqual(process.read(), [["requests_total", { vhost: "ä" }, 7]]);
  process.lose(0);
  assert.deepEqual(process.read(), [["requests_total", { vhost: "ä" }, 7]]);
});

Deno.test("a thread has room for so many series and no more", () => {
  const process = new Process();
  const writer = process.thread(0);
  for (let i = 0; i < MAX_SERIES; i++) {
    assert.ok(writer.cell("requests_total", { route: String(i) }) !== undefined);
  }
  assert.equal(writer.cell("requests_total", { route: "one more" }), undefined);
  assert.equal(process.read().length, MAX_SERIES);
});

Deno.test("an error at any step of a registration leaves the series that come after it in order", () => {
  for (let step = 1, failed = true; failed; step++) {
    const process = new Process();
    const writer = process.thread(0);
    failed = cutShort("error", step, () => writer.cell("a_total", { vhost: "a" }));
    count(writer, { vhost: "b" }, 2);
    writer.cell("a_total", { vhost: "a" })?.count();
    const values = process.read().map(([name, { vhost }, value]) => [name, vhost, value]);
    assert.deepEqual(values.sort(), [["a_total", "a", 1], ["requests_total", "b", 2]]);
  }
});

Deno.test("a text that is too long is no series", () => {
  assert.equal(new Process().thread(0).cell("a_total", { path: "x".repeat(3000) }), undefined);
});

Deno.test("series of many threads have a bound together, which is reported once", () => {
  const process = new Process();
  for (let index = 0; index < 3; index++) {
    const writer = process.thread(index);
    for (let i = 0; i < MAX_SERIES; i++) count(writer, { route: `${index} ${i}` });
  }
  assert.equal(process.read().length, MAX_TOTAL_SERIES);
  assert.equal(process.totals.dropped, MAX_SERIES);
  assert.equal(process.faults.length, 1);
});

Deno.test("a series that cannot be shown is not taken, and the others are", () => {
  const process = new Process();
  const writer = process.thread(0);
  for (const name of ["", "a b", "a\nb 7", "1st"]) writer.cell(name, {})?.count();
  writer.cell("a_total", { "__name__": "forged" })?.count();
  writer.cell("a_total", { "x y": "" })?.count();
  count(writer, { vhost: "a" });
  assert.deepEqual(process.read(), [["requests_total", { vhost: "a" }, 1]]);
  assert.equal(process.totals.dropped, 6);
});

Deno.test("a counter never goes down, whatever its thread writes", () => {
  const process = new Process();
  const writer = process.thread(0);
  count(writer, {}, 5);
  process.read();
  const buffer = process.threads.get(0)?.buffer ?? new SharedArrayBuffer(0);
  const cells = new Float64Array(buffer, 64 + 2 * MAX_SERIES, MAX_SERIES);
  for (const forged of [-1, NaN, Infinity, 4, 1e300]) {
    cells[0] = forged;
    assert.deepEqual(process.read(), [["requests_total", {}, 5]]);
  }
});

Deno.test("a gauge is the sum over the threads that live, or the highest of them", () => {
  const faults: string[] = [];
  const totals = new SeriesTotals({
    onFault: (what) => void faults.push(what),
    show: (name, labels) => ({ labels, fold: name === "lag_seconds" ? "max" : "sum" }),
  });
  const threads = new Map<number, { buffer: SharedArrayBuffer }>();
  for (const index of [0, 1]) {
    const buffer = newMemory(series, undefined, 2);
    threads.set(index, { buffer });
    const writer = series.open(buffer, { index, count: 2 });
    writer.gauge("open", {})?.set(index + 2);
    writer.gauge("open", {})?.add(-1);
    writer.gauge("lag_seconds", {})?.set(index === 0 ? 0.5 : 0.25);
  }
  const read = () => totals.read(threads).map(({ name, value }) => [name, value]);
  assert.deepEqual(read(), [["open", 3], ["lag_seconds", 0.5]]);
  totals.retire(0, threads.get(0)!.buffer);
  threads.delete(0);
  assert.deepEqual(read(), [["open", 2], ["lag_seconds", 0.25]]);
  totals.retire(1, threads.get(1)!.buffer);
  threads.delete(1);
  assert.deepEqual(read(), [], "no thread has a level any more");
  assert.deepEqual(faults, []);
});

Deno.test("a histogram counts by bucket over all threads, lost ones included", () => {
  const process = new Process();
  const buckets = [0.001, 0.01];
  for (const index of [0, 1]) {
    const histogram = process.thread(index).histogram("wait_seconds", {}, buckets);
    for (const us of [500, 1_000, 1_001, 20_000]) histogram?.observe(us);
  }
  process.lose(0);
  const [found] = process.totals.read(process.threads);
  assert.equal(found.kind, "histogram");
  assert.deepEqual(found.cells, [4, 2, 2, 45_002]);
});

Deno.test("a histogram that cannot be shown takes its cells all the same", () => {
  const process = new Process();
  const writer = process.thread(0);
  writer.histogram("no name", {}, [1, 2, 3])?.observe(7);
  count(writer, {}, 2);
  assert.deepEqual(process.read(), [["requests_total", {}, 2]]);
});

Deno.test("series that are shown alike are one", () => {
  const totals = new SeriesTotals({
    onFault: assert.fail,
    show: (_name, { event }) => ({
      labels: { event: event === "hit" ? event : "other" },
      fold: "sum",
    }),
  });
  const buffer = newMemory(series, undefined, 1);
  const writer = series.open(buffer, { index: 0, count: 1 });
  for (const event of ["hit", "one", "two"]) writer.cell("events_total", { event })?.count();
  const found = totals.read(new Map([[0, { buffer }]]));
  assert.deepEqual(found.map(({ labels, value }) => [labels.event, value]), [["hit", 1], [
    "other",
    2,
  ]]);
});

Deno.test("memory full of garbage costs the reader nothing but the series in it", () => {
  for (let round = 0; round < 20; round++) {
    const process = new Process();
    count(process.thread(0), {}, 1);
    process.read();
    const buffer = process.threads.get(0)?.buffer ?? new SharedArrayBuffer(0);
    const words = new Int32Array(buffer);
    for (let at = 0; at < SERIES_BYTES / 4; at++) words[at] = Math.random() * 2 ** 32;
    if (round % 2 === 0) words[0] = round * 500;
    process.read();
    assert.ok(process.totals.read(process.threads).every(({ value }) => value >= 0));
    process.lose(0);
    count(process.thread(0), { vhost: "a" });
    assert.equal(process.read().find(([, { vhost }]) => vhost === "a")?.[2], 1);
  }
});

Deno.test("threads that count while they are read lose nothing", async () => {
  const process = new Process();
  const workers = [0, 1, 2].map((index) => {
    process.thread(index);
    const url = new URL("./testing/series_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    const done = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage({ memory: process.threads.get(index)?.buffer, index });
    return { worker, done };
  });
  const all = Promise.all(workers.map(({ done }) => done));
  let last = 0;
  let running = true;
  void all.then(() => running = false);
  const sum = () => process.read().reduce((sum, [, , value]) => sum + value, 0);
  while (running) {
    const now = sum();
    assert.ok(now >= last);
    last = now;
    await turn();
  }
  for (const [index, { worker }] of workers.entries()) {
    worker.terminate();
    process.lose(index);
  }
  assert.equal(sum(), 3 * 100_000);
});

Deno.test("what is taken up little by little reads as what is taken up at once", () => {
  const process = new Process();
  const [first, second] = [process.thread(0), process.thread(1)];
  for (let i = 0; i < 100; i++) {
    count(first, { vhost: `v${i}` }, i);
    second.histogram("seconds", { vhost: `v${i}` }, [1, 2])?.observe(i);
    count(second, { vhost: `v${i}` });
  }
  let turns = 1;
  while (process.totals.takeUp(process.threads, 64)) turns++;
  assert.equal(turns, 5, "three hundred of them");
  const once = new SeriesTotals({ onFault: (what) => process.faults.push(what) });
  assert.deepEqual(process.totals.read(process.threads), once.read(process.threads));
  assert.equal(process.totals.takeUp(process.threads, 64), false);
  assert.deepEqual(process.faults, []);
});

Deno.test("a series is parsed once, however many threads have it and however often it is read", () => {
  let parsed = 0;
  const totals = new SeriesTotals({
    onFault: assert.fail,
    show: (_name, labels) => {
      parsed++;
      return { labels, fold: "sum" };
    },
  });
  const threads = new Map<number, { buffer: SharedArrayBuffer }>();
  const writers = [0, 1, 2].map((index) => {
    const buffer = newMemory(series, undefined, 3);
    threads.set(index, { buffer });
    return series.open(buffer, { index, count: 3 });
  });
  for (const writer of writers) {
    for (let i = 0; i < 1_000; i++) count(writer, { vhost: `v${i}` });
  }
  for (let i = 0; i < 10; i++) assert.equal(totals.read(threads).length, 1_000);
  assert.equal(parsed, 1_000);
  count(writers[1], { vhost: "new" });
  assert.equal(totals.read(threads).length, 1_001);
  assert.equal(parsed, 1_001, "the one that is new");
});
