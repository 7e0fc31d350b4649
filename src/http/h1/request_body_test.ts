import assert from "node:assert/strict";
import { Clock } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import { Inbox } from "../../net/inbox.ts";
import { HttpExchange } from "../exchange.ts";
import { BodyError } from "../body.ts";
import { RequestBody } from "./request_body.ts";
import { RequestHead } from "./request_head.ts";

const room = new Uint8Array(64);

/** A client that sends when the test says so: `bytes` bytes, or the end with `null`. */
class Client implements Duplex {
  written = 0;
  #deliver: ((count: number | null) => void) | undefined;
  #into: Uint8Array = room;

  read(into: Uint8Array): Promise<number | null> {
    this.#into = into;
    return new Promise((resolve) => {
      this.#deliver = (count) => resolve(count === null ? null : Math.min(count, into.length));
    });
  }

  /** Sends one character, and waits until the next is read. */
  async sendText(character: string): Promise<void> {
    this.#into[0] = character.charCodeAt(0);
    this.send(1);
    this.#deliver = undefined;
    for (let turn = 0; turn < 100 && this.#deliver === undefined; turn++) await Promise.resolve();
  }

  send(count: number | null): void {
    assert.ok(this.#deliver !== undefined, "no read is pending");
    this.#deliver(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written += bytes.length;
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const TIMEOUT_MS = 1000;

/** A body of `length` bytes, or a chunked one, of which nothing has come yet. */
function body(length?: number) {
  const client = new Client();
  const clock = new Clock();
  const exchange = new HttpExchange({
    peerAddress: "192.0.2.1",
    peerPort: 1,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: 80,
    listener: "test",
    tls: undefined,
  });
  exchange.bodyTimeoutMs = TIMEOUT_MS;
  const head = new RequestHead();
  head.framing = length === undefined ? "chunked" : "length";
  head.contentLength = length ?? 0;
  return { client, clock, body: new RequestBody(new Inbox(client), head, exchange, clock) };
}

Deno.test("each piece of a body has the whole time limit, and no piece has more", async () => {
  const { client, clock, body: slow } = body(3);
  for (let i = 0; i < 2; i++) {
    const piece = slow.read(room);
    clock.tick(clock.now + TIMEOUT_MS - 1);
    client.send(1);
    assert.equal(await piece, 1);
  }
  const late = slow.read(room);
  clock.tick(clock.now + TIMEOUT_MS);
  await assert.rejects(
    async () => await late,
    (error) => error instanceof BodyError && error.status === 408,
  );
});

Deno.test("while no read waits for a piece, no time limit runs", async () => {
  const { client, clock, body: read } = body(2);
  const first = read.read(room);
  client.send(1);
  await first;
  assert.equal(read.deadline, 0);
  clock.tick(clock.now + 10 * TIMEOUT_MS);
  const second = read.read(room);
  client.send(1);
  assert.equal(await second, 1);
  assert.equal(read.deadline, 0);
  assert.equal(read.isComplete, true);
});

Deno.test("a body that was cut short is over: it cannot be discarded, nor is its end waited for", async () => {
  const { client, body: cut } = body(2);
  assert.equal(cut.canDiscard, true);
  const piece = cut.read(room);
  client.send(null);
  await assert.rejects(async () => await piece, BodyError);
  assert.equal(cut.isOver, true);
  assert.equal(cut.canDiscard, false);
  assert.equal(await cut.finish(room), false);
});

Deno.test("a chunked body that ends before its last chunk was cut short", async () => {
  for (
    const sent of [
      "",
      "4",
      "4\r\n",
      "4\r\nab",
      "4\r\nabcd",
      "4\r\nabcd\r\n",
      "0\r\n",
    ]
  ) {
    const { client, body: cut } = body();
    const read = (async () => {
      while (await cut.read(room) !== null);
    })();
    for (const character of sent) await client.sendText(character);
    client.send(null);
    await assert.rejects(read, BodyError, JSON.stringify(sent));
    assert.equal(cut.canDiscard, false);
  }
});

Deno.test("a chunked body is what its chunks say, however they arrive", async () => {
  const { client, body: chunked } = body();
  let text = "";
  const read = (async () => {
    const piece = new Uint8Array(64);
    for (let count; (count = await chunked.read(piece)) !== null;) {
      text += new TextDecoder().decode(piece.subarray(0, count));
    }
  })();
  for (const character of "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n") await client.sendText(character);
  await read;
  assert.equal(text, "abcdefgh");
  assert.equal(chunked.isComplete, true);
});

Deno.test("a body that was cancelled is over and gives nothing any more", async () => {
  const { body: cancelled } = body(2);
  cancelled.cancel();
  assert.equal(cancelled.isOver, true);
  assert.equal(cancelled.canDiscard, false);
  assert.throws(() => cancelled.read(room), BodyError);
  assert.equal(await cancelled.finish(room), false);
});

Deno.test("a reader that has begun with a body reads it to its end before the connection goes on", async () => {
  const { client, body: read } = body(2);
  const first = read.read(room);
  client.send(1);
  await first;
  const finished = read.finish(room);
  const second = read.read(room);
  client.send(1);
  assert.equal(await second, 1);
  assert.equal(await finished, true);
});

Deno.test("a body of which nothing was read is dropped to its end", async () => {
  const { client, body: unread } = body(2);
  const finished = unread.finish(room);
  client.send(2);
  assert.equal(await finished, true);
});

Deno.test("a body longer than is worth dropping cannot be discarded", () => {
  assert.equal(body(1024 * 1024).body.canDiscard, true);
  assert.equal(body(1024 * 1024 + 1).body.canDiscard, false);
});
