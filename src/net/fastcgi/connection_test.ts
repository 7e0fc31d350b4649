import assert from "node:assert/strict";
import type { Duplex } from "../duplex.ts";
import { FastCgiConnection } from "./connection.ts";
import { FastCgiError } from "./error.ts";
import { endRequest, stdout } from "./testing/records.ts";

/** A responder whose bytes come when the test says so. */
class Scripted implements Duplex {
  written = 0;
  #waiting: { into: Uint8Array; resolve(count: number | null): void } | undefined;

  read(into: Uint8Array): Promise<number | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#waiting = { into, resolve };
    return promise;
  }

  /** Ends the read that waits; `undefined` for the end of the connection. */
  arrive(...records: readonly Uint8Array[]): void {
    const waiting = this.#waiting;
    assert.ok(waiting !== undefined);
    this.#waiting = undefined;
    let length = 0;
    for (const bytes of records) {
      waiting.into.set(bytes, length);
      length += bytes.length;
    }
    waiting.resolve(records.length === 0 ? null : length);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written += bytes.length;
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#waiting?.resolve(null);
  }
}

const REQUEST = {
  head: new Uint8Array(8),
  input: undefined,
  onProgress() {},
  onError() {},
};

/** A connection that is idle after one answer. */
async function idle(): Promise<{ connection: FastCgiConnection; responder: Scripted }> {
  const responder = new Scripted();
  const connection = new FastCgiConnection(responder);
  connection.begin(REQUEST);
  const first = connection.next();
  responder.arrive(stdout("first"), endRequest());
  assert.equal(new TextDecoder().decode(await first ?? undefined), "first");
  assert.equal(await connection.next(), null);
  assert.ok(connection.isClean);
  connection.rest(() => {});
  responder.written = 0;
  return { connection, responder };
}

Deno.test("what a responder sends after its answer is not the answer to the next request", async () => {
  const { connection, responder } = await idle();
  // Both come in one turn of the event loop: no callback has run in between.
  responder.arrive(stdout("of another"), endRequest());
  connection.begin(REQUEST);
  await assert.rejects(
    connection.next(),
    (error) => error instanceof FastCgiError && error.reason === "closed" && !error.hasAnswered,
  );
  assert.equal(responder.written, 0, "nothing of the request was sent");
  assert.equal(connection.isClean, false);
});

Deno.test("a responder that ends its idle connection gets nothing of the next request", async () => {
  const { connection, responder } = await idle();
  responder.arrive();
  connection.begin(REQUEST);
  await assert.rejects(connection.next(), FastCgiError);
  assert.equal(responder.written, 0, "nothing of the request was sent");
});

Deno.test("a responder that was silent while its connection was idle answers the next request", async () => {
  const { connection, responder } = await idle();
  connection.begin(REQUEST);
  const answer = connection.next();
  while (responder.written === 0) await Promise.resolve();
  responder.arrive(stdout("second"), endRequest());
  assert.equal(new TextDecoder().decode(await answer ?? undefined), "second");
  assert.equal(await connection.next(), null);
  assert.ok(connection.isClean);
});
