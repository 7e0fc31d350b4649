import assert from "node:assert/strict";
import { MessageWriter } from "./message_writer.ts";
import { LARGE_BYTES } from "../../net/buffers.ts";
import { BytesBody } from "../body.ts";

function aWriter(): MessageWriter {
  return new MessageWriter({ send: () => Promise.reject(new Error("unasked")), countBody() {} });
}

/** What is unsent, one character a byte. */
function unsent(writer: MessageWriter): string {
  return new TextDecoder("latin1").decode(writer.unsent);
}

Deno.test("a head and its body leave in one piece", () => {
  const writer = aWriter();
  writer.begin();
  writer.text("HTTP/1.1 200 OK\r\n");
  writer.field("server", "x");
  writer.text("\r\n");
  assert.equal(writer.body(new TextEncoder().encode("body"), false), true);
  assert.equal(unsent(writer), "HTTP/1.1 200 OK\r\nserver: x\r\n\r\nbody");
  writer.end();
});

for (const length of [10, 5_000]) {
  Deno.test(`bytes above 0x7F leave as they came, in a value of ${length}`, () => {
    const writer = aWriter();
    const value = "a".repeat(length - 2) + "\xE9\xFC";
    writer.begin();
    writer.field("name", value);
    assert.equal(writer.body(undefined, false), true);
    assert.equal(unsent(writer), `name: ${value}\r\n`);
    writer.end();
  });
}

Deno.test("a head larger than a buffer leaves whole, with its body", () => {
  const writer = aWriter();
  const value = "v".repeat(LARGE_BYTES - 100);
  writer.begin();
  writer.field("first", value);
  writer.field("second", value);
  writer.text("\r\n");
  assert.equal(writer.body(new BytesBody(new TextEncoder().encode("body")), true), true);
  const expected = `first: ${value}\r\nsecond: ${value}\r\n\r\n4\r\nbody\r\n0\r\n\r\n`;
  assert.equal(unsent(writer) === expected, true);
  writer.end();
});

Deno.test("messages that wait to be sent at the same time do not mix", async () => {
  const writers = Array.from({ length: 300 }, aWriter);
  writers.forEach((writer, i) => {
    writer.begin();
    writer.field("number", String(i));
    assert.equal(writer.body(new TextEncoder().encode(`body ${i}`), false), true);
  });
  writers.forEach((writer, i) => assert.equal(unsent(writer), `number: ${i}\r\nbody ${i}`));
  const sent: string[] = [];
  const long = new MessageWriter({
    send: (bytes) => Promise.resolve(void sent.push(new TextDecoder().decode(bytes))),
    countBody() {},
  });
  const text = "y".repeat(LARGE_BYTES * 3);
  long.begin();
  long.text("long\r\n");
  assert.equal(long.body(new BytesBody(new TextEncoder().encode(text)), false), false);
  await long.finish();
  assert.equal(sent.join("") === `long\r\n${text}`, true);
  writers.forEach((writer, i) => assert.equal(unsent(writer), `number: ${i}\r\nbody ${i}`));
  for (const writer of writers) writer.end();
});

Deno.test("a body that fails while a piece of it is sent fails the message, and nothing else", async () => {
  const sent = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<number>();
  const writer = new MessageWriter({ send: () => sent.promise, countBody() {} });
  const pieces = [10, rest.promise];
  writer.begin();
  writer.text("HTTP/1.1 200 OK\r\n\r\n");
  const body = { length: undefined, trailers: undefined, read: () => pieces.shift()!, cancel() {} };
  assert.equal(writer.body(body, true), false);
  const finished = assert.rejects(writer.finish(), /the upstream broke off/);
  rest.reject(new Error("the upstream broke off"));
  // An error without a listener ends the thread by then.
  await new Promise((resolve) => setTimeout(resolve, 0));
  sent.resolve();
  await finished;
});

for (const fails of ["at the head", "at the piece"]) {
  Deno.test(`a piece that a body lent goes back where sending fails ${fails}`, async () => {
    let sends = 0;
    const writer = new MessageWriter({
      send: () => {
        sends++;
        const isFailing = fails === "at the head" || sends === 2;
        return isFailing ? Promise.reject(new Error("reset")) : Promise.resolve();
      },
      countBody() {},
    });
    const lent = { out: 0 };
    const body = {
      length: LARGE_BYTES,
      trailers: undefined,
      read: () => null,
      lend: () => (lent.out++, new Uint8Array(LARGE_BYTES)),
      giveBack: () => void lent.out--,
      cancel() {},
    };
    writer.begin();
    writer.text("HTTP/1.1 200 OK\r\n\r\n");
    assert.equal(writer.body(body, false), false);
    assert.equal(lent.out, 1);
    await assert.rejects(writer.finish(), /reset/);
    assert.equal(lent.out, 0);
  });
}
