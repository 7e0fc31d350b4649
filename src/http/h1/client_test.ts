import assert from "node:assert/strict";
import { Clock } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import { type Body, BodyError, BytesBody, readAll } from "../body.ts";
import { ClientError, type ClientRequest } from "../client.ts";
import { Fields } from "../fields.ts";
import { until } from "../../net/testing/until.ts";
import { type ConnectionOwner, Http1Client, type UpstreamTimeouts } from "./client.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** An upstream that the test writes by hand, and a client connected to it. */
class Wire implements AsyncDisposable, ConnectionOwner {
  readonly clock = new Clock();
  readonly client: Http1Client;
  idle = 0;
  closed = 0;
  surplus = 0;
  received = "";
  #reading: Promise<void>;

  private constructor(
    near: Deno.TcpConn,
    readonly upstream: Deno.TcpConn,
    timeouts: UpstreamTimeouts,
  ) {
    this.client = new Http1Client(near, this.clock, timeouts, this);
    this.#reading = this.#collect();
  }

  static async open(timeouts = { readMs: 5_000, sendMs: 5_000, idleMs: 0 }): Promise<Wire> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const [near, far] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    listener.close();
    return new Wire(near, far, timeouts);
  }

  onIdle(): void {
    this.idle++;
  }

  keepsIdle(): boolean {
    return true;
  }

  onSurplus(): void {
    this.surplus++;
  }

  onClosed(): void {
    this.closed++;
  }

  async say(text: string): Promise<void> {
    await this.upstream.write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }

  async heard(text: string): Promise<void> {
    await until(
      `the upstream has heard ${JSON.stringify(text)}`,
      () => this.received.includes(text),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    try {
      this.upstream.close();
    } catch {
      // The test closed it.
    }
    await this.#reading;
  }

  async #collect(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.upstream.read(buffer);
        if (count === null) return;
        this.received += decoder.decode(buffer.subarray(0, count));
      }
    } catch {
      // Closed.
    }
  }
}

function request(options: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: "GET",
    target: "/",
    scheme: "http",
    authority: "origin",
    fields: new Fields(),
    body: undefined,
    upgrade: undefined,
    ...options,
  };
}

async function text(body: Parameters<typeof readAll>[0] | undefined): Promise<string> {
  return body === undefined ? "" : decoder.decode(await readAll(body, 1 << 22));
}

Deno.test("a request is written with its head and the answer is read", async () => {
  await using wire = await Wire.open();
  const fields = Fields.of(["accept", "*/*"], ["x-a", "1"]);
  const asked = wire.client.request(request({ target: "/a?b", fields }));
  await wire.heard("GET /a?b HTTP/1.1\r\nhost: origin\r\naccept: */*\r\nx-a: 1\r\n\r\n");
  await wire.say(
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nhello",
  );
  const answer = await asked;
  assert.equal(answer.status, 200);
  assert.deepEqual([...answer.fields], [["etag", "x"]]);
  assert.equal(await text(answer.body), "hello");
  assert.equal(wire.idle, 1);
});

Deno.test("a connection is used again after each kind of body", async () => {
  await using wire = await Wire.open();
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: y\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
  ];
  for (const [index, answer] of answers.entries()) {
    const asked = wire.client.request(request());
    await wire.say(answer);
    const response = await asked;
    const body = await text(response.body);
    assert.equal(body, index < 2 ? "ab" : "");
    if (index === 1) assert.equal(response.body?.trailers?.get("x-t"), "y");
    assert.equal(wire.idle, index + 1);
  }
});

Deno.test("an answer to HEAD has no body whatever its length says", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request({ method: "HEAD" }));
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  const answer = await asked;
  assert.equal(answer.body, undefined);
  assert.equal(answer.fields.get("content-length"), "5");
  assert.equal(wire.idle, 1);
});

Deno.test("an answer that ends with the connection is read to its end", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.say("HTTP/1.0 200 OK\r\n\r\nhel");
  const answer = await asked;
  await wire.say("lo");
  wire.upstream.close();
  assert.equal(await text(answer.body), "hello");
  assert.equal(wire.idle, 0);
  assert.equal(wire.closed, 1);
});

Deno.test("a body of known length follows its head, one of unknown length goes in chunks", async () => {
  await using wire = await Wire.open();
  const body = new BytesBody(encoder.encode("hello"));
  const first = wire.client.request(request({ method: "POST", body }));
  await wire.heard("content-length: 5\r\n\r\nhello");
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await first;
  const unknown = {
    length: undefined,
    trailers: undefined,
    read: body.read.bind(new BytesBody(encoder.encode("hello"))),
    cancel() {},
  };
  const second = wire.client.request(request({ method: "POST", body: unknown }));
  await wire.heard("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await second;
  assert.equal(wire.idle, 2);
});

Deno.test("an answer that ends before the body is sent is delivered, and the connection ends with the body", async () => {
  await using wire = await Wire.open();
  let resolve: ((count: number) => void) | undefined;
  const body = {
    length: 1,
    trailers: undefined,
    read: () => resolve === undefined ? new Promise<number>((done) => resolve = done) : null,
    cancel() {},
  };
  const asked = wire.client.request(request({ method: "POST", body }));
  await wire.heard("content-length: 1\r\n\r\n");
  await wire.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  const answer = await asked;
  assert.equal(answer.status, 413);
  assert.equal(await text(answer.body), "no");
  assert.equal(wire.closed, 0);
  resolve?.(1);
  // What has not read the body yet may read it as the next request.
  await until("the connection is closed", () => wire.closed === 1);
  assert.equal(wire.idle, 0);
});

Deno.test("a body that fails behind an early answer ends the connection", async () => {
  await using wire = await Wire.open();
  let reject: ((error: Error) => void) | undefined;
  const body = {
    length: 10,
    trailers: undefined,
    read: () => new Promise<number>((_, fail) => reject = fail),
    cancel() {},
  };
  const asked = wire.client.request(request({ method: "POST", body }));
  await wire.heard("content-length: 10");
  await wire.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  assert.equal(await text((await asked).body), "no");
  reject?.(new BodyError(400, "given up"));
  await until("the connection is closed", () => wire.closed === 1);
});

Deno.test("a body at fault from its first piece on is reported as the body's fault", async () => {
  await using wire = await Wire.open();
  const body = {
    length: undefined,
    trailers: undefined,
    read(): never {
      throw new BodyError(413, "too large");
    },
    cancel() {},
  };
  const asked = wire.client.request(request({ method: "POST", body }));
  await assert.rejects(asked, { name: "BodyError", status: 413 });
  await until("the connection is closed", () => wire.closed === 1);
});

Deno.test("a kept connection that ends while idle leaves within a tick", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await asked;
  wire.upstream.close();
  await until("the client noticed", () => {
    wire.clock.tick(wire.clock.now + 250);
    return wire.closed === 1;
  });
});

Deno.test("a kept connection that ends as it is used counts as unanswered", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await asked;
  const again = wire.client.request(request());
  await wire.heard("GET / HTTP/1.1\r\nhost: origin\r\n\r\nGET / HTTP/1.1\r\n");
  wire.upstream.close();
  await assert.rejects(
    again,
    (error) => error instanceof ClientError && error.stage === "unanswered",
  );
});

Deno.test("a fresh connection that ends has not answered either", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.heard("GET /");
  wire.upstream.close();
  await assert.rejects(
    asked,
    (error) => error instanceof ClientError && error.stage === "unanswered",
  );
});

Deno.test("an upstream that does not answer in time is given up", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.heard("GET /");
  wire.clock.tick(wire.clock.now + 6_000);
  await assert.rejects(asked, /too long/);
});

Deno.test("an upstream that stalls inside a body is given up", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  const { body } = await asked;
  const reading = text(body);
  await until("the client waits for the rest", () => {
    wire.clock.tick(wire.clock.now + 1_000);
    return wire.closed === 1;
  });
  await assert.rejects(reading);
});

for (
  const [head, reason] of [
    ["Content-Length: 5\r\n\r\nhe", "the upstream's body ends 3 bytes early"],
    [
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
      "the upstream's chunked body is broken: the body ends inside a chunk",
    ],
    [
      "Transfer-Encoding: chunked\r\n\r\nx\r\n",
      "the upstream's chunked body is broken: a chunk size is not hexadecimal",
    ],
  ]
) {
  Deno.test(`a body that is cut short or broken is the upstream's fault: ${reason}`, async () => {
    await using wire = await Wire.open();
    const asked = wire.client.request(request());
    await wire.say(`HTTP/1.1 200 OK\r\n${head}`);
    const { body } = await asked;
    wire.upstream.close();
    await assert.rejects(text(body), { name: "BodyError", message: reason, status: 502 });
  });
}

for (
  const head of ["Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close"]
) {
  Deno.test(`a connection that fails within a body is the upstream's: ${head}`, async () => {
    const { stream, client } = await idling();
    const asked = client.request(request());
    await until("it is sent", () => stream.writes.length === 2);
    stream.reads[1].resolve(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
    const { body } = await asked;
    const rest = text(body);
    await until("the body is awaited", () => stream.reads.length === 3);
    stream.reads[2].reject(new Deno.errors.ConnectionReset("reset by peer"));
    const message = "the upstream's connection failed: ConnectionReset: reset by peer";
    await assert.rejects(rest, (error) => {
      assert.ok(error instanceof BodyError && error.status === 502);
      assert.ok(error.message.endsWith(message), error.message);
      return true;
    });
  });
}

Deno.test("an upgrade becomes a tunnel with the bytes after the head", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request({ upgrade: "websocket" }));
  await wire.heard("connection: upgrade\r\nupgrade: websocket\r\n");
  await wire.say(
    "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nearly",
  );
  const { tunnel } = await asked;
  assert.ok(tunnel !== undefined);
  const buffer = new Uint8Array(16);
  const count = await tunnel.read(buffer);
  assert.equal(decoder.decode(buffer.subarray(0, count ?? 0)), "early");
  tunnel.close();
});

const BAD_ANSWERS: readonly (readonly [string, string])[] = [
  ["no HTTP", "SSH-2.0-x\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status with letters", "HTTP/1.1 2x0 OK\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  [
    "length and coding",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"],
  ["a bare LF in a value", "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n"],
  ["an upgrade that was not asked for", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`],
  ["endless interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(20)],
];

for (const [what, answer] of BAD_ANSWERS) {
  Deno.test(`an upstream's answer with ${what} is refused`, async () => {
    await using wire = await Wire.open();
    const asked = wire.client.request(request());
    await Promise.all([
      assert.rejects(asked, (error) => error instanceof ClientError && error.stage === "response"),
      wire.heard("GET /").then(() => wire.say(answer)).catch(() => {}),
    ]);
    assert.equal(wire.client.isClosed, true);
  });
}

Deno.test("bytes above 0x7F in an upstream's value are kept as they are", async () => {
  await using wire = await Wire.open();
  const asked = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\r\nX: caf\xe9\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await asked).fields.get("x"), "caf\xe9");
});

Deno.test("a head whose lines end with a bare LF is refused at once", async () => {
  await using wire = await Wire.open();
  const response = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\nContent-Length: 2\n\nok");
  await assert.rejects(response, /bare LF/);
});

Deno.test("white space around a chunk's size and its extensions is taken", async () => {
  await using wire = await Wire.open();
  const response = wire.client.request(request());
  await wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await wire.say('2  \r\nab\r\n2 ; a\t= b ;c = "d"\t\r\ncd\r\n0 \r\n\r\n');
  const { body } = await response;
  assert.equal(decoder.decode(await readAll(body!, 100)), "abcd");
});

/** A stream whose reads and writes the test answers, one by one; what is not answered waits. */
class Scripted implements Duplex {
  isClosed = false;
  takesAll = false;
  readonly reads: PromiseWithResolvers<string | null>[] = [];
  readonly writes: PromiseWithResolvers<void>[] = [];

  async read(into: Uint8Array): Promise<number | null> {
    const next = Promise.withResolvers<string | null>();
    this.reads.push(next);
    const text = await next.promise;
    return text === null ? null : encoder.encodeInto(text, into).written;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const next = Promise.withResolvers<void>();
    this.writes.push(next);
    next.promise.catch(() => {});
    if (!this.takesAll) await next.promise;
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    for (const { reject } of [...this.reads, ...this.writes]) reject(new Error("closed"));
  }
}

/** A chunked upload of two pieces: the second one comes when the test says so. */
class Upload implements Body {
  readonly length = undefined;
  readonly trailers = undefined;
  readonly second = Promise.withResolvers<number>();
  isCancelled = false;
  #reads = 0;

  read(): number | null | Promise<number | null> {
    this.#reads++;
    return this.#reads === 1 ? 10 : this.#reads === 2 ? this.second.promise : null;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** A client at an upload of which the first piece has been written. */
async function uploading() {
  const stream = new Scripted();
  const clock = new Clock();
  const counts = { idle: 0, closed: 0 };
  const client = new Http1Client(stream, clock, { readMs: 1_000, sendMs: 1_000, idleMs: 0 }, {
    onIdle: () => void counts.idle++,
    onClosed: () => void counts.closed++,
    keepsIdle: () => true,
    onSurplus() {},
  });
  const body = new Upload();
  const response = client.request(request({ method: "POST", body }));
  await until("the first piece is written", () => stream.writes.length === 1);
  stream.writes[0].resolve();
  await until("the answer is waited for", () => stream.reads.length === 1);
  return { stream, clock, counts, client, body, response };
}

const WHOLE = "HTTP/1.1 413 no\r\nContent-Length: 2\r\n\r\nno";

Deno.test("an answer behind a write that failed is taken, and the connection is not kept", async () => {
  const { stream, counts, body, clock, response } = await uploading();
  body.second.resolve(10);
  await until("the second piece is written", () => stream.writes.length === 2);
  stream.writes[1].reject(new Deno.errors.BrokenPipe("pipe"));
  await until("it is cancelled", () => body.isCancelled);
  stream.reads[0].resolve(WHOLE);
  const answer = await response;
  assert.equal(decoder.decode(await readAll(answer.body!, 100)), "no");
  assert.deepEqual([stream.isClosed, counts.closed, counts.idle], [true, 1, 0]);
  assert.equal(clock.watched, 0);
});

Deno.test("an upstream that answers and stops to read is given up in time", async () => {
  const { stream, counts, body, clock, response } = await uploading();
  body.second.resolve(10);
  await until("the second piece is written", () => stream.writes.length === 2);
  stream.reads[0].resolve(WHOLE);
  const answer = await response;
  await readAll(answer.body!, 100);
  for (let ms = 0; ms < 10_000; ms += 500) clock.tick(clock.now + 500);
  assert.deepEqual([stream.isClosed, counts.closed, counts.idle], [true, 1, 0]);
  await until("it is cancelled", () => body.isCancelled);
  assert.equal(clock.watched, 0);
});

Deno.test("an upload that ends while the answer is not read starts no time limit", async () => {
  const { stream, body, clock, client, response } = await uploading();
  stream.reads[0].resolve("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
  const answer = await response;
  const room = new Uint8Array(10);
  assert.equal(await answer.body!.read(room), 2);
  body.second.resolve(10);
  await until("the rest is written", () => stream.writes.length > 1);
  stream.takesAll = true;
  for (const write of stream.writes) write.resolve();
  await settle();
  clock.tick(clock.now + 5_000);
  const rest = Promise.resolve(answer.body!.read(room));
  stream.reads.at(-1)!.resolve("ay");
  assert.equal(await rest, 2);
  client.close();
});

/** A client at a connection that is idle after one answer. */
async function idling() {
  const stream = new Scripted();
  stream.takesAll = true;
  const counts = { idle: 0, closed: 0, surplus: 0 };
  const clock = new Clock();
  const client = new Http1Client(stream, clock, { readMs: 0, sendMs: 0, idleMs: 0 }, {
    onIdle: () => void counts.idle++,
    onClosed: () => void counts.closed++,
    onSurplus: () => void counts.surplus++,
    keepsIdle: () => true,
  });
  const response = client.request(request());
  await until("the answer is waited for", () => stream.reads.length === 1);
  stream.reads[0].resolve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await response;
  assert.deepEqual([counts.idle, stream.reads.length], [1, 2]);
  return { stream, counts, client };
}

for (
  const [what, surplus] of [["answer that was not asked for", WHOLE], ["end", null]] as const
) {
  Deno.test(`an ${what} that comes with the next request keeps it from being read or sent`, async () => {
    const { stream, counts, client } = await idling();
    let reads = 0;
    const body: Body = { length: 1, trailers: undefined, read: () => ++reads, cancel() {} };
    stream.reads[1].resolve(surplus);
    const next = client.request(request({ method: "POST", body }));
    await assert.rejects(next, (error) => error instanceof ClientError && error.stage === "unsent");
    assert.deepEqual([stream.writes.length, reads], [1, 0]);
    assert.deepEqual(counts, { idle: 1, closed: 1, surplus: surplus === null ? 0 : 1 });
  });
}

Deno.test("the read that an idle connection waits with brings the next answer", async () => {
  const { stream, counts, client } = await idling();
  const next = client.request(request());
  await until("it is sent", () => stream.writes.length === 2);
  stream.reads[1].resolve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const { body } = await next;
  assert.equal(await text(body), "ok");
  assert.deepEqual(counts, { idle: 2, closed: 0, surplus: 0 });
  client.close();
});

Deno.test("more than an answer is dropped, and ends the connection", async () => {
  const { stream, counts, client } = await idling();
  const next = client.request(request({ method: "HEAD" }));
  await until("it is sent", () => stream.writes.length === 2);
  stream.reads[1].resolve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.equal((await next).status, 200);
  assert.deepEqual(counts, { idle: 1, closed: 1, surplus: 1 });
});

/** Lets everything that is pending happen. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
