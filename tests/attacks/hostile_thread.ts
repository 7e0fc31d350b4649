/**
 * A module of an edge worker that was taken over: it has hold of the worker's port to the keeper and of
 * every shared memory that the worker was given, and does to them what a request for `/attack?NAME` names.
 *
 * @module
 */
import type { EdgeModule } from "../../src/gateway/module.ts";
import { Fields } from "../../src/http/fields.ts";

let port: MessagePort | undefined;
let orders = 0;
let memory = new SharedArrayBuffer(0);
const zones: SharedArrayBuffer[] = [];

// Evaluated before the program of the worker, so this sees the first message first.
addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const own: MessagePort = port = event.data.port;
  own.addEventListener("message", ({ data }) => {
    orders = Math.max(orders, data.id);
    if (data.order.kind !== "start") return;
    memory = data.order.memory.ring;
    for (const { buffer } of data.order.zones.values()) zones.push(buffer);
  });
}, { once: true });

/** Where things are in the worker's own ring, as `ring.ts` lays it out. */
const RING = 0;
const SEGMENTS = 64;
const STATE = RING + 1;
const LENGTH = RING + 2;
const NEXT = RING + 3;
const SEALED = 2;
const SEGMENT = 4 * (RING + 1 + 3 * SEGMENTS);

const words = () => new Int32Array(memory);

function eachSegment(cell: number, value: number): void {
  for (let i = 0; i < SEGMENTS; i++) words()[cell + 3 * i] = value;
}

function garble(buffer: SharedArrayBuffer, most: number): void {
  const all = new Int32Array(buffer);
  for (let at = 0; at < Math.min(all.length, 4096); at++) all[at] = Math.random() * most;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { id: 1 };
  value.report = value;
  return value;
}

function send(...messages: readonly unknown[]): void {
  for (const message of messages) port?.postMessage(message);
}

/** What cannot be cloned never leaves the worker. */
function sendUncloneable(): void {
  const values = [
    () => {},
    Symbol("x"),
    new Proxy({}, {}),
    new WeakMap(),
    {
      get id() {
        throw new Error("a getter");
      },
    },
  ];
  for (const value of values) {
    try {
      port?.postMessage(value);
    } catch {
      // As it should be.
    }
  }
}

/** Each costs its worker its life, and no other anything. */
export const DEADLY: Readonly<Record<string, () => void>> = {
  "ring-length": () => eachSegment(LENGTH, 2 ** 31 - 1),
  "ring-negative": () => eachSegment(LENGTH, -1),
  "ring-next"() {
    eachSegment(NEXT, 1_000_000);
    eachSegment(STATE, SEALED);
  },
  "ring-terminal"() {
    const bytes = new TextEncoder().encode("\x1b[2Jforged\n");
    const at = words()[LENGTH];
    new Uint8Array(memory, SEGMENT).set(bytes, at);
    words()[LENGTH] = at + bytes.length;
  },
  "ring-torn"() {
    const at = words()[LENGTH];
    new Uint8Array(memory, SEGMENT).fill(0x78, at, at + 9);
    words()[LENGTH] = at + 9;
  },
  "post-null": () => send(null),
  "post-undefined": () => send(undefined),
  "post-cyclic": () => send(cyclic()),
  "post-nothing": () => send({}),
  "post-sparse-array": () => {
    const listeners = new Array(2 ** 32 - 1);
    send({ id: orders, report: { kind: "listening", listeners } });
  },
  "post-huge": () => send("x".repeat(64 * 1024 * 1024)),
  "post-flood"() {
    for (let i = 0; i < 200_000; i++) send({ id: 0, report: { kind: "log" } });
  },
  "post-port"() {
    const { port1 } = new MessageChannel();
    port?.postMessage(port1, [port1]);
  },
  "post-stream"() {
    const stream = new ReadableStream();
    port?.postMessage(stream, [stream]);
  },
  "post-past-the-port": () => Reflect.get(globalThis, "postMessage").call(globalThis, null),
  "throw-null"() {
    setTimeout(() => {
      throw null;
    });
  },
};

/** Nothing comes of these. */
export const HARMLESS: Readonly<Record<string, () => void>> = {
  "post-uncloneable": sendUncloneable,
  "post-late-answers": () =>
    send(...["prepared", "drained", "closed"].map((kind) => ({ id: 9e9, report: { kind } }))),
  "ring-lost": () => words()[RING] = -(2 ** 31),
};

/** What edges share they can spoil for one another; the keeper goes on, and ends when it is ordered to. */
export const SPOILING: Readonly<Record<string, () => void>> = {
  "zones-large"() {
    for (const zone of zones) garble(zone, 2 ** 32);
    send(null);
  },
  "zones-locked"() {
    for (const zone of zones) new Int32Array(zone).fill(2);
    send(null);
  },
};

/** The module. */
export const edge: EdgeModule = {
  name: "hostile",
  open: () => ({
    start: () => ({
      plan: () => ({
        serve(exchange) {
          if (exchange.path !== "/attack") return;
          const name = exchange.query ?? "";
          const attack = DEADLY[name] ?? HARMLESS[name] ?? SPOILING[name];
          exchange.response = Fields.of(["content-type", "text/plain"]);
          exchange.responseBody = new TextEncoder().encode(attack === undefined ? "none" : "done");
          exchange.status = 200;
          // Again and again: the worker itself writes to its ring meanwhile.
          if (name.startsWith("ring-")) setInterval(() => attack?.(), 1);
          else attack?.();
        },
      }),
      stop() {},
    }),
  }),
};
