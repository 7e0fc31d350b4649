import assert from "node:assert/strict";
import { MAX_SOURCES, UdpSources } from "./sources.ts";
import { Turns, UdpUpstream } from "./upstreams.ts";

function upstream(name: string, weight = 1): UdpUpstream {
  return new UdpUpstream(name, { transport: "udp", hostname: "192.0.2.1", port: 53 }, weight);
}

function taken(turns: Turns, count: number, now = 0): string {
  return Array.from({ length: count }, () => turns.take(now).label).join("");
}

Deno.test("upstreams take turns by their weights, from wherever they begin", () => {
  assert.equal(taken(new Turns([upstream("a"), upstream("b", 2)]), 6), "abbabb");
  assert.equal(taken(new Turns([upstream("a"), upstream("b", 2)], 65_535 * 3 + 1), 3), "bba");
});

Deno.test("one that fails so often in a row is left out for a time, and all of them never", () => {
  const [a, b] = [upstream("a"), upstream("b")];
  const turns = new Turns([a, b]);
  assert.equal(a.failed(0, 2, 100), false);
  a.succeeded();
  assert.equal(a.failed(0, 2, 100), false);
  assert.equal(a.failed(0, 2, 100), true);
  assert.equal(taken(turns, 3, 50), "bbb");
  // Late failures of the same outage do not make it longer.
  assert.equal(a.failed(60, 2, 100), false);
  assert.match(taken(turns, 4, 100), /^(ab|ba){2}$/);
  b.failed(100, 1, 100);
  a.failed(100, 1, 100);
  assert.match(taken(turns, 4, 150), /^(ab|ba){2}$/);
});

Deno.test("sessions and answers of an address are bounded, and another address is another", () => {
  const sources = new UdpSources(2, 3);
  assert.equal(sources.enter("a"), "entered");
  assert.equal(sources.enter("a"), "entered");
  assert.equal(sources.enter("a"), "full");
  assert.equal(sources.enter("b"), "entered");
  sources.leave("a");
  assert.equal(sources.enter("a"), "entered");
  assert.deepEqual([1, 2, 3, 4].map(() => sources.mayAnswer("a", 10)), [true, true, true, false]);
  assert.equal(sources.mayAnswer("b", 10), true);
  assert.equal(sources.mayAnswer("a", 1_009), false);
  assert.equal(sources.mayAnswer("a", 1_010), true);
});

Deno.test("an address is forgotten with its last session, when its second is over", () => {
  const sources = new UdpSources(0, 0);
  sources.enter("a");
  sources.mayAnswer("a", 0);
  sources.sweep(5_000);
  assert.equal(sources.size, 1);
  sources.leave("a");
  sources.sweep(500);
  assert.equal(sources.size, 1);
  sources.sweep(1_000);
  assert.equal(sources.size, 0);
});

Deno.test("there is an end to the addresses that are remembered", () => {
  const sources = new UdpSources(0, 0);
  for (let i = 0; i < MAX_SOURCES; i++) assert.equal(sources.enter(`${i}`), "entered");
  assert.equal(sources.enter("one more"), "crowded");
  assert.equal(sources.enter("0"), "entered");
});
