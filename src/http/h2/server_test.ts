/** Requests and their answers. */
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
  settle,
  valueOf,
  windowUpdate,
} from "./testing/connection.ts";
import { BodyError, readAll } from "../body.ts";
import { Fields } from "../fields.ts";
import { ErrorCode, ResetBody } from "./wire/errors.ts";
import { Flag, FrameType, readUint32 } from "./wire/frames.ts";

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

Deno.test("a body that is broken before anything of it was sent is refused", async () => {
  const { peer, handler, done } = serve((x) =>
    answer(x, 200, {
      length: undefined,
      trailers: undefined,
      read() {
        throw new BodyError(502, "a chunk is broken");
      },
      cancel() {},
    })
  );
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  const { heads: [head], reset } = await peer.answer(1);
  assert.equal(reset, undefined);
  assert.equal(valueOf(head, ":status"), "502");
  assert.equal(handler.finished[0].failure, "a chunk is broken");
  assert.equal(handler.finished[0].failed, false);
  peer.close();
  await done;
});

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

Deno.test("a client that waits for 100 Continue is asked when its body is read", async () => {
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
  // More than a window: it is credited, though it is not read.
  for (let i = 0; i < 8; i++) await peer.send(data(1, new Uint8Array(16_000)));
  await peer.send(peer.headers(1, [["x-sum", "1"]]));
  await peer.send(peer.headers(3, get()));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "403");
  assert.ok(!peer.frames.some((each) => each.type === FrameType.RST_STREAM));
  peer.close();
  await done;
  assert.equal(handler.finished.length, 2);
});

Deno.test("a request that is answered and does not end is asked to stop after a while", async () => {
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

for (
  const [came, goes] of [
    ["CANCEL", "CANCEL"],
    ["ENHANCE_YOUR_CALM", "ENHANCE_YOUR_CALM"],
    ["INADEQUATE_SECURITY", "INADEQUATE_SECURITY"],
    ["REFUSED_STREAM", "INTERNAL_ERROR"],
    ["PROTOCOL_ERROR", "INTERNAL_ERROR"],
    ["NO_ERROR", "INTERNAL_ERROR"],
  ] as const
) {
  Deno.test(`an answer that its upstream resets with ${came} is reset with ${goes}`, async () => {
    const { peer, handler, done } = serve((x) => {
      let isFirst = true;
      answer(x, 200, {
        length: undefined,
        trailers: undefined,
        read: (into) => {
          if (!isFirst) return Promise.reject(new ResetBody(ErrorCode[came], "it was reset"));
          isFirst = false;
          into[0] = 1;
          return Promise.resolve(1);
        },
        cancel() {},
      });
    });
    await peer.greet();
    await peer.send(peer.headers(1, get()));
    assert.equal((await peer.answer(1)).reset, ErrorCode[goes]);
    assert.equal(handler.finished[0].failure, "it was reset");
    peer.close();
    await done;
  });
}
