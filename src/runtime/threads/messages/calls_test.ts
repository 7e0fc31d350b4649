import assert from "node:assert/strict";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { moment, turn } from "../../../net/testing/until.ts";
import { Caller, MAX_CALLS_PER_SECOND, MAX_PENDING_CALLS, takeCalls } from "./calls.ts";

/** A callee of `echo` and `hang`, and the raw port of its caller. */
function callee() {
  const { port1, port2 } = new MessageChannel();
  const { promise: fault, resolve: onFault } = Promise.withResolvers<string>();
  const failures: unknown[] = [];
  const close = takeCalls(port1, {
    names: new Set(["echo", "hang", "large"]),
    answer(name, input): Plain | Promise<Plain> {
      if (name === "large") return new Uint8Array(2 ** 21);
      return name === "hang" ? new Promise(() => {}) : input;
    },
    onFailure: (error) => void failures.push(error),
    onFault,
  });
  return {
    port: port2,
    fault,
    failures,
    [Symbol.dispose]() {
      close();
      port2.close();
    },
  };
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

/** Small to send, and without end to look at. */
function manyTimesShared(): unknown {
  let value: unknown = [];
  for (let depth = 0; depth < 30; depth++) value = [value, value];
  return value;
}

const GARBAGE: Readonly<Record<string, unknown>> = {
  "nothing": undefined,
  "no id": { name: "echo", input: 1 },
  "an id that is not a number": { id: "1", name: "echo", input: 1 },
  "a name that is not declared": { id: 1, name: "stop", input: 1 },
  "no input": { id: 1, name: "echo" },
  "a cycle": { id: 1, name: "echo", input: cyclic() },
  "one value many times": { id: 1, name: "echo", input: manyTimesShared() },
  "a map": { id: 1, name: "echo", input: new Map() },
  "shared memory": { id: 1, name: "echo", input: new Uint8Array(new SharedArrayBuffer(8)) },
  "a list of nothing": { id: 1, name: "echo", input: new Array(2 ** 32 - 1) },
  "a list with holes": { id: 1, name: "echo", input: [1, , 2] },
  "a text of 2 MiB": { id: 1, name: "echo", input: "x".repeat(2 ** 20) },
};

for (const [name, message] of Object.entries(GARBAGE)) {
  Deno.test(`a call that is ${name} closes the port of its caller`, async () => {
    using end = callee();
    end.port.postMessage(message);
    assert.match(await end.fault, /no call|not declared/);
  });
}

Deno.test("too many messages in a second close the port", async () => {
  using end = callee();
  for (let i = 1; i <= 20_000; i++) end.port.postMessage({ id: i, name: "hang", input: null });
  assert.match(await end.fault, /floods/);
});

Deno.test("a callee with enough to do is busy", async () => {
  using end = callee();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  end.port.onmessage = ({ data }) => resolve(data);
  for (let id = 1; id <= MAX_PENDING_CALLS + 1; id++) {
    end.port.postMessage({ id, name: "hang", input: null });
  }
  assert.deepEqual(await promise, { id: MAX_PENDING_CALLS + 1, refusal: "busy" });
});

Deno.test("a caller gets answers, and learns what has none", async () => {
  using end = callee();
  const caller = new Caller("service store", new Set(["echo", "hang", "large"]));
  caller.connect(end.port);
  const input = { list: [1, "two", null, true], bytes: new Uint8Array([1, 2]) };
  assert.deepEqual(await caller.call("echo", input, 60_000), { kind: "answer", value: input });
  assert.equal((await caller.call("large", null, 60_000)).kind, "unavailable");
  assert.equal(end.failures.length, 1);
  assert.deepEqual(await caller.call("hang", null, 0), {
    kind: "unavailable",
    reason: "service store has not answered in 0 ms",
  });
  const hanging = caller.call("hang", null, 60_000);
  caller.disconnect("it is gone");
  assert.deepEqual(await hanging, {
    kind: "unavailable",
    reason: "service store: it is gone",
  });
  assert.equal((await caller.call("echo", null, 60_000)).kind, "unavailable");
});

Deno.test("a call that has missed its deadline keeps its place until it is answered", async () => {
  const { port1, port2 } = new MessageChannel();
  const caller = new Caller("service store", new Set(["echo"]));
  caller.connect(port1);
  const asked: number[] = [];
  const all = Promise.withResolvers<void>();
  port2.onmessage = ({ data }) => {
    if (asked.push(data.id) === MAX_PENDING_CALLS) all.resolve();
  };
  const late = Array.from({ length: MAX_PENDING_CALLS }, () => caller.call("echo", null, 0));
  for (const { kind } of await Promise.all(late)) assert.equal(kind, "unavailable");
  const busy = { kind: "unavailable", reason: "service store is busy" };
  assert.deepEqual(await caller.call("echo", null, 60_000), busy);
  await all.promise;
  port2.onmessage = ({ data }) => port2.postMessage({ id: data.id, value: "now" });
  port2.postMessage({ id: asked[0], value: "late" });
  let outcome = await caller.call("echo", null, 60_000);
  while (outcome.kind === "unavailable") {
    assert.deepEqual(outcome, busy);
    await turn();
    outcome = await caller.call("echo", null, 60_000);
  }
  assert.deepEqual(outcome, { kind: "answer", value: "now" });
  caller.disconnect("test");
  port2.close();
});

Deno.test("a caller is busy rather than flood its callee", async () => {
  using end = callee();
  const caller = new Caller("service store", new Set(["echo"]));
  caller.connect(end.port);
  let outcome = await caller.call("echo", 1, 60_000);
  let made = 1;
  for (; outcome.kind === "answer" && made < 4 * MAX_CALLS_PER_SECOND; made++) {
    const calls = Array.from({ length: 50 }, () => caller.call("echo", 1, 60_000));
    outcome = (await Promise.all(calls)).find(({ kind }) => kind !== "answer") ?? outcome;
  }
  // A machine that is too slow for so many calls in a second never gets there.
  if (outcome.kind !== "answer") assert.match(outcome.reason, /busy/);
  let later = await caller.call("echo", 2, 60_000);
  while (later.kind !== "answer") {
    assert.match(later.reason, /busy/);
    await moment();
    later = await caller.call("echo", 2, 60_000);
  }
  caller.disconnect("test");
});

Deno.test("an answer that breaks the rules is dropped", async () => {
  const { port1, port2 } = new MessageChannel();
  const caller = new Caller("service store", new Set(["echo"]));
  caller.connect(port1);
  port2.onmessage = () => port2.postMessage({ id: 1, value: new Map() });
  const outcome = await caller.call("echo", null, 60_000);
  assert.deepEqual(outcome, {
    kind: "unavailable",
    reason: "service store: it broke the rules of calls",
  });
  port2.close();
});
