import assert from "node:assert/strict";
import {
  answer,
  concat,
  data,
  frame,
  get,
  PiecesBody,
  post,
  reset,
  serve,
  setting,
  settle,
  valueOf,
  windowUpdate,
} from "./_testing.ts";
import { BodyError, readAll } from "../body.ts";
import type { HttpExchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { ErrorCode } from "./errors.ts";
import { Flag, FrameType, PREFACE, readUint32 } from "./frames.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("a request is answered with its status, fields and body", async () => {
  const { peer, handler, done } = serve((x) =>
    answer(x, 200, "hello", ["content-type", "text/plain"])
  );
  await peer.greet();
  await peer.send(peer.headers(1, get("/a?b=c")));
  const { heads: [head], body } = await peer.answer(1);
  assert.equal(valueOf(head, ":status"), "200");
  assert.equal(valueOf(head, "content-type"), "text/plain");
  assert.equal(valueOf(head, "content-length"), "5");
  assert.match(valueOf(head, "date") ?? "", / GMT$/);
  assert.equal(text(body), "hello");
  peer.close();
  await done;
  const [exchange] = handler.finished;
  assert.equal(exchange.method, "GET");
  assert.equal(exchange.target, "/a?b=c");
  assert.equal(exchange.path, "/a");
  assert.equal(exchange.query, "b=c");
  assert.equal(exchange.authority, "test");
  assert.equal(exchange.request.get("host"), "test");
  assert.equal(exchange.version, 20);
  assert.equal(exchange.requestBody, undefined);
  assert.equal(exchange.responseBodyBytes, 5);
  assert.equal(exchange.failed, false);
});

Deno.test("the server's settings are those of the specification", async () => {
  const { peer, done } = serve();
  await peer.greet();
  const { payload } = await peer.until(FrameType.SETTINGS);
  const settings = new Map<number, number>();
  for (let at = 0; at < payload.length; at += 6) {
    settings.set(payload[at + 1], readUint32(payload, at + 2));
  }
  assert.deepEqual([...settings].sort(([a], [b]) => a - b), [
    [3, 32],
    [4, 65_536],
    [5, 16_384],
    [6, 65_536],
    [9, 1],
  ]);
  peer.close();
  await done;
});

Deno.test("all requests of one read are answered in one write", async () => {
  const { peer, far, done } = serve((x) => answer(x, 200, "x".repeat(100)));
  await peer.greet();
  await peer.until(FrameType.SETTINGS, 0);
  await peer.until(FrameType.SETTINGS, 0);
  const before = far.received;
  const requests = Array.from({ length: 32 }, (_, i) => peer.headers(2 * i + 1, get(`/${i}`)));
  await peer.send(concat(requests));
  for (let i = 0; i < 32; i++) await peer.answer(2 * i + 1).catch(() => {});
  assert.equal(far.largestWrite, far.received - before);
  peer.close();
  await done;
});

Deno.test("answers to HEAD and 304 have no body and keep the length they speak of", async () => {
  const { peer, done } = serve((x) => {
    if (x.method === "HEAD") answer(x, 200, "hello");
    else answer(x, 304, undefined, ["content-length", "7"]);
  });
  await peer.greet();
  await peer.send(peer.headers(1, [[":method", "HEAD"], ...get().slice(1)]));
  const head = await peer.answer(1);
  assert.equal(valueOf(head.heads[0], "content-length"), "5");
  assert.equal(head.body.length, 0);
  await peer.send(peer.headers(3, get()));
  const unchanged = await peer.answer(3);
  assert.equal(valueOf(unchanged.heads[0], "content-length"), "7");
  assert.equal(unchanged.body.length, 0);
  peer.close();
  await done;
});

Deno.test("a body that HEAD does not want is cancelled", async () => {
  const body = new PiecesBody(new Uint8Array(10), 5, true);
  const { peer, done } = serve((x) => answer(x, 200, body));
  await peer.greet();
  await peer.send(peer.headers(1, [[":method", "HEAD"], ...get().slice(1)]));
  await peer.answer(1);
  assert.ok(body.cancelled);
  peer.close();
  await done;
});

Deno.test("204 has no content-length, an empty 200 says 0", async () => {
  const { peer, done } = serve((x) => {
    answer(x, x.path === "/204" ? 204 : 200, x.path === "/empty" ? "" : undefined);
  });
  await peer.greet();
  await peer.send(peer.headers(1, get("/204")));
  assert.equal(valueOf((await peer.answer(1)).heads[0], "content-length"), undefined);
  await peer.send(peer.headers(3, get("/200")));
  assert.equal(valueOf((await peer.answer(3)).heads[0], "content-length"), "0");
  await peer.send(peer.headers(5, get("/empty")));
  assert.equal(valueOf((await peer.answer(5)).heads[0], "content-length"), "0");
  assert.ok(!peer.frames.some((each) => each.type === FrameType.DATA));
  peer.close();
  await done;
});

Deno.test("fields of an HTTP/1 connection do not get out", async () => {
  const { peer, done } = serve((x) =>
    answer(
      x,
      200,
      "x",
      ["connection", "close"],
      ["keep-alive", "timeout=5"],
      ["proxy-connection", "close"],
      ["transfer-encoding", "chunked"],
      ["upgrade", "h2c"],
      ["content-length", "99"],
      ["x-kept", "yes"],
    )
  );
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  const { heads: [head] } = await peer.answer(1);
  assert.deepEqual(head.map(([name]) => name), [":status", "x-kept", "date", "content-length"]);
  assert.equal(valueOf(head, "content-length"), "1");
  peer.close();
  await done;
});

for (const delayed of [false, true]) {
  const how = delayed ? "in time" : "at once";
  Deno.test(`a streamed body that comes ${how} arrives whole, with its trailers`, async () => {
    const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => i);
    const { peer, done } = serve((x) => {
      const body = new PiecesBody(bytes, 999, delayed);
      body.trailers = Fields.of(["grpc-status", "0"], ["connection", "close"]);
      answer(x, 200, body);
    });
    await peer.greet();
    await peer.send(peer.headers(1, get()));
    const { heads, body } = await peer.answer(1);
    assert.deepEqual(body, bytes);
    assert.deepEqual(heads[1], [["grpc-status", "0"]]);
    assert.equal(valueOf(heads[0], "content-length"), undefined);
    peer.close();
    await done;
  });
}

Deno.test("a body of known length ends with its last frame of data", async () => {
  const { peer, done } = serve((x) =>
    answer(x, 200, new PiecesBody(new Uint8Array(10), 10, false, 10))
  );
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  const { heads: [head] } = await peer.answer(1);
  assert.equal(valueOf(head, "content-length"), "10");
  const frames = peer.frames.filter((each) => each.type === FrameType.DATA);
  assert.equal(frames.length, 1);
  peer.close();
  await done;
});

for (const length of [5, 15]) {
  Deno.test(`a body of 10 bytes that said ${length} is reset`, async () => {
    const { peer, handler, done } = serve((x) =>
      answer(x, 200, new PiecesBody(new Uint8Array(10), 10, true, length))
    );
    await peer.greet();
    await peer.send(peer.headers(1, get()));
    assert.equal((await peer.answer(1)).reset, ErrorCode.INTERNAL_ERROR);
    assert.equal(handler.finished[0].failed, true);
    assert.equal(handler.finished[0].aborted, false);
    peer.close();
    await done;
  });
}

Deno.test("a head that one frame cannot hold goes on in CONTINUATION", async () => {
  const long = "v".repeat(20_000);
  const { peer, done } = serve((x) => answer(x, 200, "x", ["x-long", long], ["x-more", long]));
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  const first = await peer.until(FrameType.HEADERS, 1);
  assert.equal(first.flags & Flag.END_HEADERS, 0);
  const parts = [first.payload];
  for (;;) {
    const next = await peer.until(FrameType.CONTINUATION, 1);
    parts.push(next.payload);
    if ((next.flags & Flag.END_HEADERS) !== 0) break;
  }
  const head = peer.fields({ ...first, payload: concat(parts) });
  assert.equal(valueOf(head, "x-more"), long);
  peer.close();
  await done;
});

Deno.test("a request body is read, with its trailers, and credited as it is read", async () => {
  let trailers: Fields | undefined;
  const { peer, done } = serve(async (x) => {
    const body = await readAll(x.requestBody!, 1e6);
    trailers = x.requestBody!.trailers;
    answer(x, 200, `${body?.length} ${x.requestBodyBytes}`);
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(["content-length", "70000"]), false));
  await peer.send(data(1, new Uint8Array(16_000)), data(1, new Uint8Array(16_000)));
  await peer.send(data(1, new Uint8Array(16_000)));
  const increment = readUint32((await peer.until(FrameType.WINDOW_UPDATE, 1)).payload, 0);
  assert.ok(increment >= 32_768 && increment <= 48_000, `${increment}`);
  await peer.send(data(1, new Uint8Array(16_000)), data(1, new Uint8Array(6_000)));
  await peer.send(peer.headers(1, [["x-sum", "1"]]));
  assert.equal(text((await peer.answer(1)).body), "70000 70000");
  assert.equal(trailers?.get("x-sum"), "1");
  peer.close();
  await done;
});

Deno.test("padding is given back at once and is no part of the body", async () => {
  const { peer, done } = serve(async (x) => {
    const body = await readAll(x.requestBody!, 1e6);
    answer(x, 200, text(body ?? new Uint8Array(0)));
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  const padded = concat([Uint8Array.of(200), new TextEncoder().encode("abc"), new Uint8Array(200)]);
  // 300 paddings of 201 octets are nearly a window: without credit the rest could not come.
  for (let i = 0; i < 400; i++) await peer.send(frame(FrameType.DATA, Flag.PADDED, 1, padded));
  await peer.send(data(1, new Uint8Array(0), true));
  assert.equal((await peer.answer(1)).body.length, 1200);
  peer.close();
  await done;
});

Deno.test("a client that waits for 100 Continue is asked when somebody reads", async () => {
  const { peer, handler, done } = serve(async (x) => {
    await readAll(x.requestBody!, 100);
    answer(x, 200);
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(["expect", "100-continue"]), false));
  assert.deepEqual(peer.fields(await peer.until(FrameType.HEADERS, 1)), [[":status", "100"]]);
  await peer.send(data(1, new Uint8Array(3), true));
  const { heads } = await peer.answer(1);
  assert.equal(valueOf(heads[0], ":status"), "200");
  assert.equal(handler.finished[0].request.has("expect"), false);
  peer.close();
  await done;
});

Deno.test("interim answers are sent in front of the final one", async () => {
  const { peer, done } = serve(async (x) => {
    await x.sendInterim(103, Fields.of(["link", "</a.css>"], ["connection", "close"]));
    await Promise.resolve();
    answer(x, 200);
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  const { heads } = await peer.answer(1);
  assert.deepEqual(heads[0], [[":status", "103"], ["link", "</a.css>"]]);
  assert.equal(valueOf(heads[1], ":status"), "200");
  peer.close();
  await done;
});

Deno.test("a request that is answered before it has ended may end, and is dropped", async () => {
  let failure: unknown;
  const { peer, handler, done } = serve((x) => {
    if (x.requestBody !== undefined) readAll(x.requestBody, 10).catch((error) => failure = error);
    answer(x, 403, "no");
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  const { heads, body } = await peer.answer(1);
  assert.equal(valueOf(heads[0], ":status"), "403");
  assert.equal(text(body), "no");
  assert.ok(failure instanceof BodyError);
  assert.equal(handler.finished[0].failed, false);
  // More than a window: it is credited, though nobody reads it.
  for (let i = 0; i < 8; i++) await peer.send(data(1, new Uint8Array(16_000)));
  await peer.send(peer.headers(1, [["x-sum", "1"]]));
  await peer.send(peer.headers(3, get()));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "403");
  assert.ok(!peer.frames.some((each) => each.type === FrameType.RST_STREAM));
  peer.close();
  await done;
  assert.equal(handler.finished.length, 2);
});

Deno.test("a request that is answered and does not end is told to stop after a while", async () => {
  const { peer, clock, done } = serve((x) => answer(x, 403, "no"));
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.answer(1);
  clock.tick(10_900);
  clock.tick(11_100);
  const { payload } = await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(readUint32(payload, 0), ErrorCode.NO_ERROR);
  // What crossed it is dropped, and the connection goes on.
  await peer.send(data(1, new Uint8Array(100)), peer.headers(1, [["x-sum", "1"]]));
  await peer.send(peer.headers(3, get()));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "403");
  peer.close();
  await done;
});

Deno.test("a client that resets a request which was answered has had its answer", async () => {
  const { peer, handler, done } = serve((x) => answer(x, 403, "no"));
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.answer(1);
  await peer.send(reset(1, ErrorCode.CANCEL));
  await settle();
  assert.deepEqual([handler.finished[0].failed, handler.finished[0].aborted], [false, false]);
  peer.close();
  await done;
});

Deno.test("a body past the limit throws 413, and the answer still goes out", async () => {
  const { peer, done } = serve(async (x) => {
    x.bodyLimit = 10;
    try {
      await readAll(x.requestBody!, 1e6);
      answer(x, 200);
    } catch (error) {
      answer(x, error instanceof BodyError ? error.status : 500);
    }
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(), false), data(1, new Uint8Array(6)));
  await settle();
  await peer.send(data(1, new Uint8Array(6)));
  assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "413");
  peer.close();
  await done;
});

Deno.test("a body that stalls throws 408 when its time is up", async () => {
  const { peer, clock, done } = serve(async (x) => {
    x.bodyTimeoutMs = 5000;
    const error = await readAll(x.requestBody!, 100).catch((error) => error);
    answer(x, error instanceof BodyError ? error.status : 500);
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await settle();
  clock.tick(5900);
  await settle();
  clock.tick(6100);
  assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "408");
  peer.close();
  await done;
});

Deno.test("a client's reset aborts the exchange, which is finished when its handler is", async () => {
  let aborts = 0;
  let resume = () => {};
  const body = new PiecesBody(new Uint8Array(10), 5, true);
  const { peer, handler, done } = serve(async (x) => {
    x.onAbort = () => aborts++;
    await new Promise<void>((resolve) => resume = resolve);
    answer(x, 200, body);
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()), reset(1, ErrorCode.CANCEL));
  await settle();
  const [exchange] = handler.created;
  assert.equal(aborts, 1);
  assert.equal(exchange.aborted, true);
  assert.equal(handler.finished.length, 0);
  resume();
  await settle();
  assert.deepEqual(handler.finished, [exchange]);
  assert.equal(exchange.failed, true);
  assert.ok(body.cancelled);
  assert.equal(exchange.responseBodyBytes, 0);
  peer.close();
  await done;
});

Deno.test("a client's reset within a body cancels it", async () => {
  let asked = 0;
  const body = new PiecesBody(new Uint8Array(1e6), 1000, true);
  const { peer, handler, done } = serve((x) => {
    asked++;
    answer(x, 200, body);
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await peer.until(FrameType.DATA, 1);
  await peer.send(reset(1, ErrorCode.CANCEL));
  await settle();
  assert.equal(asked, 1);
  assert.ok(body.cancelled);
  assert.equal(handler.finished[0].failed, true);
  assert.equal(handler.finished[0].aborted, true);
  peer.close();
  await done;
});

Deno.test("a lost connection aborts and finishes everything once, and the server returns", async () => {
  const { peer, handler, done } = serve((x) => {
    if (x.path === "/wait") {
      return new Promise<void>((resolve) => x.onAbort = resolve);
    }
    answer(x, 200, new Uint8Array(1e6));
  });
  await peer.greet();
  await peer.send(peer.headers(1, get("/wait")), peer.headers(3, get("/large")));
  await peer.until(FrameType.DATA, 3);
  peer.close();
  await done;
  assert.equal(handler.finished.length, 2);
  assert.ok(handler.finished.every((x) => x.failed && x.aborted));
});

Deno.test("an exchange without a status, or with 101, is reset", async () => {
  const { peer, done } = serve((x) => {
    x.status = x.path === "/101" ? 101 : 0;
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  assert.equal((await peer.answer(1)).reset, ErrorCode.INTERNAL_ERROR);
  await peer.send(peer.headers(3, get("/101")));
  assert.equal((await peer.answer(3)).reset, ErrorCode.HTTP_1_1_REQUIRED);
  peer.close();
  await done;
});

Deno.test("trailers and data that crossed our reset are dropped, and the connection goes on", async () => {
  const { peer, done } = serve((x) => {
    if (x.method === "POST") return new Promise<void>((resolve) => x.onAbort = resolve);
    answer(x, 200);
  });
  await peer.greet();
  await peer.send(peer.headers(1, post(), false), windowUpdate(1, 0));
  assert.equal((await peer.answer(1)).reset, ErrorCode.PROTOCOL_ERROR);
  await peer.send(data(1, new Uint8Array(10)), peer.headers(1, [["x-sum", "1"]]));
  await peer.send(peer.headers(3, get()));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "200");
  peer.close();
  await done;
});

// --- flow control ------------------------------------------------------------------------------

Deno.test("a body goes no further than the windows of stream and connection", async () => {
  const { peer, far, done } = serve((x) => answer(x, 200, new Uint8Array(200_000)));
  await peer.greet(setting(4, 1000));
  await peer.send(peer.headers(1, get()));
  const first = await peer.until(FrameType.DATA, 1);
  assert.equal(first.payload.length, 1000);
  const before = far.received;
  await settle();
  assert.equal(far.received, before);
  await peer.send(windowUpdate(1, 500));
  assert.equal((await peer.until(FrameType.DATA, 1)).payload.length, 500);
  // The connection's window is the default of 65,535 octets, of which 1,500 are used.
  await peer.send(windowUpdate(1, 190_000));
  let total = 1500;
  while (total < 65_535) total += (await peer.until(FrameType.DATA, 1)).payload.length;
  assert.equal(total, 65_535);
  await peer.send(windowUpdate(0, 200_000));
  while (total < 191_500) total += (await peer.until(FrameType.DATA, 1)).payload.length;
  assert.equal(total, 191_500);
  peer.close();
  await done;
});

Deno.test("a changed initial window changes open streams, below zero as well", async () => {
  const { peer, far, done } = serve((x) => answer(x, 200, new Uint8Array(5000)));
  await peer.greet(setting(4, 1000));
  await peer.send(peer.headers(1, get()));
  await peer.until(FrameType.DATA, 1);
  await peer.send(frame(FrameType.SETTINGS, 0, 0, setting(4, 0)));
  await peer.until(FrameType.SETTINGS);
  await peer.send(windowUpdate(1, 600), frame(FrameType.PING, 0, 0, new Uint8Array(8)));
  await peer.until(FrameType.PING);
  assert.equal(peer.frames.filter((each) => each.type === FrameType.DATA).length, 1);
  await peer.send(frame(FrameType.SETTINGS, 0, 0, setting(4, 1400)));
  assert.equal((await peer.until(FrameType.DATA, 1)).payload.length, 1000);
  assert.ok(far.received > 0);
  peer.close();
  await done;
});

Deno.test("streams take turns: a short answer does not wait for a long one", async () => {
  const { peer, done } = serve((x) =>
    answer(x, 200, new Uint8Array(x.path === "/long" ? 60_000 : 10))
  );
  await peer.greet();
  await peer.send(peer.headers(1, get("/long")), peer.headers(3, get("/short")));
  const order: number[] = [];
  while (order.length < 3) order.push((await peer.until(FrameType.DATA)).streamId);
  assert.deepEqual(order, [1, 3, 1]);
  peer.close();
  await done;
});

// --- limits ------------------------------------------------------------------------------------

const LIMITS = { maxHeadBytes: 2048, maxUriBytes: 512, maxFields: 8 };

async function statusOf(
  pairs: readonly (readonly [string, string])[],
): Promise<string | undefined> {
  const { peer, handler, done } = serve(undefined, { limits: LIMITS });
  await peer.greet();
  await peer.send(peer.headers(1, pairs));
  const { heads: [head] } = await peer.answer(1);
  peer.close();
  await done;
  assert.equal(handler.finished.length, 1);
  return valueOf(head, ":status");
}

Deno.test("a target that is too long is answered with 414", async () => {
  assert.equal(await statusOf(get("/" + "a".repeat(511))), "200");
  assert.equal(await statusOf(get("/" + "a".repeat(512))), "414");
  assert.equal(await statusOf(get("/" + "a".repeat(3000))), "414");
});

Deno.test("too many fields are answered with 431; each crumb of a cookie counts", async () => {
  const crumbs = (count: number) =>
    Array.from({ length: count }, (_, i) => ["cookie", `c${i}=1`] as const);
  assert.equal(await statusOf([...get(), ...crumbs(8)]), "200");
  assert.equal(await statusOf([...get(), ...crumbs(9)]), "431");
});

Deno.test("a field list that is too large is answered with 431", async () => {
  assert.equal(await statusOf([...get(), ["x-a", "v".repeat(1700)]]), "200");
  assert.equal(await statusOf([...get(), ["x-a", "v".repeat(2000)]]), "431");
});

Deno.test("cookie crumbs stay separate lines", async () => {
  const { peer, handler, done } = serve();
  await peer.greet();
  await peer.send(peer.headers(1, [...get(), ["cookie", "a=1"], ["cookie", "b=2"]]));
  await peer.answer(1);
  assert.deepEqual(handler.created[0].request.all("cookie"), ["a=1", "b=2"]);
  peer.close();
  await done;
});

Deno.test("the 33rd stream at a time is refused, and may come again", async () => {
  const waiting: (() => void)[] = [];
  const { peer, done } = serve(async (x) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200);
  });
  await peer.greet();
  for (let i = 0; i < 33; i++) await peer.send(peer.headers(2 * i + 1, get()));
  assert.equal((await peer.answer(65)).reset, ErrorCode.REFUSED_STREAM);
  for (const resume of waiting) resume();
  await peer.answer(1);
  await peer.send(peer.headers(67, get()));
  await settle();
  waiting.at(-1)!();
  assert.equal(valueOf((await peer.answer(67)).heads[0], ":status"), "200");
  peer.close();
  await done;
});

// --- time, and the end -------------------------------------------------------------------------

Deno.test("an idle connection is told GOAWAY and closed", async () => {
  const { peer, clock, done } = serve();
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  clock.tick(10_900);
  clock.tick(11_100);
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(payload, 0), 1);
  assert.equal(readUint32(payload, 4), ErrorCode.NO_ERROR);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("pings do not keep an idle connection", async () => {
  const { peer, clock, done } = serve();
  await peer.greet();
  for (let now = 2000; now < 11_500; now += 1000) {
    await peer.send(frame(FrameType.PING, 0, 0, new Uint8Array(8)));
    clock.tick(now);
    await settle();
  }
  clock.tick(11_500);
  await peer.until(FrameType.GOAWAY);
  peer.close();
  await done;
});

Deno.test("a connection that says nothing is closed when its time is up", async () => {
  const { peer, clock, done } = serve();
  clock.tick(11_100);
  await peer.untilEnd();
  clock.tick(14_000);
  await done;
});

Deno.test("a field block that does not end in time ends the connection", async () => {
  const { peer, clock, handler, done } = serve((x) =>
    new Promise((resolve) => x.onAbort = resolve)
  );
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await peer.send(frame(FrameType.HEADERS, 0, 3, peer.block(get())));
  await settle();
  clock.tick(11_100);
  await done;
  assert.equal(handler.finished.length, 1);
  assert.ok(peer !== undefined);
});

Deno.test("a client that does not open its window is reset when the write's time is up", async () => {
  const { peer, clock, handler, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    answer(x, 200, new Uint8Array(100_000));
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  clock.tick(5900);
  assert.equal(handler.finished.length, 0);
  clock.tick(6100);
  assert.equal((await peer.answer(1)).reset, ErrorCode.CANCEL);
  assert.equal(handler.finished[0].failed, true);
  peer.close();
  await done;
});

Deno.test("a client that dribbles its window is reset when the answer's time is up", async () => {
  const { peer, clock, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    x.responseTimeoutMs = 20_000;
    answer(x, 200, new Uint8Array(100_000));
  });
  await peer.greet(setting(4, 1));
  await peer.send(peer.headers(1, get()));
  await settle();
  for (let now = 2000; now <= 22_000; now += 1000) {
    await peer.send(windowUpdate(1, 1));
    await settle();
    clock.tick(now);
  }
  assert.equal((await peer.answer(1)).reset, ErrorCode.CANCEL);
  peer.close();
  await done;
});

Deno.test("a reader slower than the least rate is reset; a slow source is not", async () => {
  let release = () => {};
  const { peer, clock, handler, done } = serve((x) => {
    x.minSendRate = 1000;
    if (x.path === "/large") return answer(x, 200, new Uint8Array(100_000));
    const source = new PiecesBody(new Uint8Array(10), 10, true);
    const read = source.read.bind(source);
    source.read = (into) => new Promise((resolve) => release = () => resolve(read(into)));
    answer(x, 200, source);
  });
  await peer.greet(setting(4, 100));
  await peer.send(peer.headers(1, get("/large")), peer.headers(3, get("/slow")));
  await settle();
  for (let now = 1250; now < 60_000; now += 250) clock.tick(now);
  await settle();
  assert.deepEqual(handler.finished.map((x) => x.path), ["/large"]);
  release();
  await settle();
  release();
  await peer.until(FrameType.DATA, 3);
  peer.close();
  await done;
});

Deno.test("a client that does not read at all loses the connection when the write's time is up", async () => {
  const { peer, far, clock, handler, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    answer(x, 200, new Uint8Array(10_000));
  });
  await peer.greet();
  await settle();
  far.capacity = 1;
  await peer.send(peer.headers(1, get()));
  await settle();
  clock.tick(5900);
  assert.equal(handler.finished.length, 0);
  clock.tick(6100);
  await done;
  assert.equal(handler.finished[0].failed, true);
});

Deno.test("a drained connection says GOAWAY twice, serves what is in flight, and ends", async () => {
  const waiting: (() => void)[] = [];
  const { peer, open, done } = serve(async (x) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200, "late");
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  open.drain();
  const first = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(first.payload, 0), 0x7fff_ffff);
  const ping = await peer.until(FrameType.PING);
  // A request that crossed the first GOAWAY is still taken.
  await peer.send(peer.headers(3, get()), frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  const second = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(second.payload, 0), 3);
  // One behind the second is not.
  await peer.send(peer.headers(5, get()), frame(FrameType.PRIORITY, 0, 5, [0, 0, 0, 3, 1]));
  await settle();
  for (const resume of waiting) resume();
  assert.equal(text((await peer.answer(1)).body), "late");
  assert.equal(text((await peer.answer(3)).body), "late");
  await peer.untilEnd();
  assert.equal(waiting.length, 2);
  assert.ok(!peer.frames.some((each) => each.streamId === 5));
  peer.close();
  await done;
});

Deno.test("a drained client that does not answer the ping is given a second", async () => {
  const { peer, clock, open, done } = serve();
  await peer.greet();
  await peer.until(FrameType.SETTINGS);
  open.drain();
  clock.tick(2100);
  await peer.until(FrameType.GOAWAY);
  const second = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(second.payload, 0), 0);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("abort ends the connection at once", async () => {
  const { peer, open, handler, done } = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  open.abort();
  await done;
  assert.equal(handler.finished.length, 1);
  assert.equal(open.size, 0);
});

Deno.test("a preface that comes octet by octet is understood", async () => {
  const { peer, done } = serve((x) => answer(x, 200, "ok"));
  for (const octet of PREFACE) {
    await peer.send(Uint8Array.of(octet));
    await settle();
  }
  const rest = concat([frame(FrameType.SETTINGS, 0, 0), peer.headers(1, get())]);
  for (const octet of rest) await peer.send(Uint8Array.of(octet));
  assert.equal(text((await peer.answer(1)).body), "ok");
  peer.close();
  await done;
});

Deno.test("another protocol than HTTP/2 is told so and closed", async () => {
  const { peer, done } = serve();
  await peer.send(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: test\r\n\r\n"));
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(payload, 4), ErrorCode.PROTOCOL_ERROR);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("exchanges that a client gave up are counted until their handler is done", async () => {
  const waiting: (() => void)[] = [];
  const handled: HttpExchange[] = [];
  const { peer, done } = serve(async (x) => {
    handled.push(x);
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200);
  });
  await peer.greet();
  for (let i = 0; i < 40; i++) {
    await peer.send(peer.headers(2 * i + 1, get()));
    await settle();
    if (i < 32) await peer.send(reset(2 * i + 1, ErrorCode.CANCEL));
    await settle();
  }
  assert.equal(handled.length, 32);
  assert.equal((await peer.answer(65)).reset, ErrorCode.REFUSED_STREAM);
  for (const resume of waiting) resume();
  peer.close();
  await done;
});
