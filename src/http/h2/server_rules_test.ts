/** What breaks a rule of RFC 9113, and the error it gets: the connection's or the stream's. */
import assert from "node:assert/strict";
import {
  answer,
  concat,
  data,
  frame,
  get,
  type Pair,
  post,
  type RawPeer,
  reset,
  serve,
  setting,
  settle,
  uint32,
  valueOf,
  windowUpdate,
} from "./testing/connection.ts";
import type { HttpExchange } from "../exchange.ts";
import { ErrorCode, errorName } from "./wire/errors.ts";
import { Flag, FrameType, MAX_FRAME_BYTES, PREFACE, readUint32 } from "./wire/frames.ts";

type Send = (peer: RawPeer) => Uint8Array | Promise<Uint8Array>;

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR } =
  ErrorCode;

/** `/wait` is answered when its client is gone, `/large` never fits its window. */
function gateway(x: HttpExchange): void | Promise<void> {
  if (x.path === "/wait" || x.method === "POST") {
    return new Promise<void>((resolve) => x.onAbort = resolve);
  }
  answer(x, 200, x.path === "/large" ? new Uint8Array(1e6) : "ok");
}

/** The whole connection ends with `code`. */
function connectionError(name: string, code: number, send: Send): void {
  Deno.test(`connection error ${errorName(code)}: ${name}`, async () => {
    const { peer, handler, done } = serve(gateway);
    await peer.greet();
    await peer.send(await send(peer));
    const { payload } = await peer.until(FrameType.GOAWAY);
    assert.equal(errorName(readUint32(payload, 4)), errorName(code));
    await peer.untilEnd();
    peer.close();
    await done;
    assert.equal(handler.finished.length, handler.created.length);
  });
}

/** Stream 1 is reset with `code`, and the connection serves the next request. */
function streamError(name: string, code: number, send: Send): void {
  Deno.test(`stream error ${errorName(code)}: ${name}`, async () => {
    const { peer, handler, done } = serve(gateway);
    await peer.greet();
    await peer.send(await send(peer));
    const { payload } = await peer.until(FrameType.RST_STREAM, 1);
    assert.equal(errorName(readUint32(payload, 0)), errorName(code));
    for (const each of peer.frames) if (each.type === FrameType.HEADERS) peer.fields(each);
    await peer.send(peer.headers(101, get()));
    assert.equal(valueOf((await peer.answer(101)).heads[0], ":status"), "200");
    peer.close();
    await done;
    assert.equal(handler.finished.length, handler.created.length);
  });
}

/** The frame is ignored, and the connection serves the next request. */
function harmless(name: string, send: Send): void {
  Deno.test(`harmless: ${name}`, async () => {
    const { peer, done } = serve(gateway);
    await peer.greet();
    await peer.send(await send(peer));
    await peer.send(peer.headers(101, get()));
    assert.equal(valueOf((await peer.answer(101)).heads[0], ":status"), "200");
    peer.close();
    await done;
  });
}

// --- the frame layout (section 4) --------------------------------------------------------------

connectionError(
  "a frame larger than 16,384 octets",
  FRAME_SIZE_ERROR,
  (peer) => concat([peer.headers(1, post(), false), data(1, new Uint8Array(MAX_FRAME_BYTES + 1))]),
);
harmless("a frame of an unknown type", () => frame(0xfa, 0xff, 7, new Uint8Array(20)));
Deno.test("connection error PROTOCOL_ERROR: another frame before the first SETTINGS", async () => {
  for (const first of [windowUpdate(0, 1), frame(FrameType.SETTINGS, Flag.ACK, 0)]) {
    const { peer, done } = serve(gateway);
    await peer.send(PREFACE, first);
    assert.equal(readUint32((await peer.until(FrameType.GOAWAY)).payload, 4), PROTOCOL_ERROR);
    peer.close();
    await done;
  }
});

// --- DATA (6.1) --------------------------------------------------------------------------------

connectionError("DATA on stream 0", PROTOCOL_ERROR, () => data(0, new Uint8Array(1)));
connectionError(
  "DATA on a stream that was not opened",
  PROTOCOL_ERROR,
  () => data(1, new Uint8Array(1)),
);
connectionError(
  "more padding than payload",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, post(), false), frame(0, Flag.PADDED, 1, [5, 1, 2])]),
);
connectionError(
  "a padded frame without a pad length",
  FRAME_SIZE_ERROR,
  (peer) => concat([peer.headers(1, post(), false), frame(0, Flag.PADDED, 1)]),
);
streamError(
  "DATA behind END_STREAM",
  STREAM_CLOSED,
  (peer) => concat([peer.headers(1, get("/wait")), data(1, new Uint8Array(1))]),
);
connectionError("DATA behind the end of both directions", STREAM_CLOSED, async (peer) => {
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  return data(1, new Uint8Array(1));
});
connectionError("DATA behind the client's own reset", STREAM_CLOSED, (peer) =>
  concat([
    peer.headers(1, post(), false),
    reset(1, ErrorCode.CANCEL),
    data(1, new Uint8Array(1)),
  ]));

// --- HEADERS and CONTINUATION (6.2, 6.10) ------------------------------------------------------

connectionError("HEADERS on stream 0", PROTOCOL_ERROR, (peer) => peer.headers(0, get()));
connectionError("HEADERS on an even stream", PROTOCOL_ERROR, (peer) => peer.headers(2, get()));
connectionError(
  "a stream number below one that was used",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(5, get("/wait")), peer.headers(3, get())]),
);
for (const id of [3, 7]) {
  connectionError(`stream 1 behind ${id}, which is over`, PROTOCOL_ERROR, async (peer) => {
    await peer.send(peer.headers(id, get()));
    await peer.answer(id);
    return peer.headers(1, get());
  });
}
connectionError("a stream number used twice", STREAM_CLOSED, async (peer) => {
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  return peer.headers(1, get());
});
streamError(
  "HEADERS behind END_STREAM",
  STREAM_CLOSED,
  (peer) => concat([peer.headers(1, get("/wait")), peer.headers(1, [["x-a", "1"]])]),
);
streamError(
  "trailers without END_STREAM",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, post(), false), peer.headers(1, [["x-a", "1"]], false)]),
);
streamError(
  "trailers with a pseudo-header field",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, post(), false), peer.headers(1, [[":path", "/"]])]),
);
streamError(
  "trailers with a field of the connection",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, post(), false), peer.headers(1, [["connection", "x"]])]),
);
connectionError(
  "a priority that does not fit into HEADERS",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.HEADERS, Flag.PRIORITY | Flag.END_HEADERS, 1, [0, 0, 0]),
);
connectionError("a field block that is interrupted", PROTOCOL_ERROR, (peer) =>
  concat([
    frame(FrameType.HEADERS, 0, 1, peer.block(get())),
    frame(FrameType.PING, 0, 0, new Uint8Array(8)),
  ]));
connectionError("a CONTINUATION of another stream", PROTOCOL_ERROR, (peer) =>
  concat([
    frame(FrameType.HEADERS, 0, 1, peer.block(get())),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3),
  ]));
connectionError(
  "a CONTINUATION of nothing",
  PROTOCOL_ERROR,
  () => frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1),
);
connectionError(
  "a CONTINUATION on stream 0",
  PROTOCOL_ERROR,
  () => frame(FrameType.CONTINUATION, Flag.END_HEADERS, 0),
);
harmless("a field block in many pieces", (peer) => {
  const block = peer.block(get());
  const parts = Array.from(
    block,
    (octet, at) =>
      frame(
        at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION,
        (at === block.length - 1 ? Flag.END_HEADERS : 0) | (at === 0 ? Flag.END_STREAM : 0),
        1,
        [octet],
      ),
  );
  return concat(parts);
});
connectionError(
  "a field block that is not HPACK",
  COMPRESSION_ERROR,
  () => frame(FrameType.HEADERS, Flag.END_HEADERS, 1, [0x80]),
);
connectionError(
  "a field block that is not HPACK, of a stream that is refused anyway",
  COMPRESSION_ERROR,
  (
    peer,
  ) =>
    concat([
      ...Array.from({ length: 32 }, (_, i) => peer.headers(2 * i + 1, get("/wait"))),
      frame(FrameType.HEADERS, Flag.END_HEADERS, 65, [0xff, 0xff]),
    ]),
);

// --- PRIORITY (6.3) ----------------------------------------------------------------------------

harmless("PRIORITY on a stream that was not opened", () => frame(2, 0, 7, [0, 0, 0, 3, 16]));
connectionError("PRIORITY on stream 0", PROTOCOL_ERROR, () => frame(2, 0, 0, [0, 0, 0, 3, 16]));
streamError(
  "PRIORITY of a wrong length",
  FRAME_SIZE_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), frame(2, 0, 1, [0, 0, 0, 3])]),
);
streamError(
  "PRIORITY that makes a stream depend on itself",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), frame(2, 0, 1, [0, 0, 0, 1, 16])]),
);
connectionError(
  "PRIORITY that makes a stream that was not opened depend on itself",
  PROTOCOL_ERROR,
  () => frame(2, 0, 1, [0, 0, 0, 1, 16]),
);
streamError(
  "HEADERS that make their stream depend on itself",
  PROTOCOL_ERROR,
  (peer) =>
    frame(
      FrameType.HEADERS,
      Flag.PRIORITY | Flag.END_HEADERS | Flag.END_STREAM,
      1,
      concat([Uint8Array.of(0x80, 0, 0, 1, 16), peer.block(get("/wait"))]),
    ),
);
harmless("streams that depend on each other in a circle", (peer) =>
  concat([
    frame(2, 0, 3, [0, 0, 0, 5, 16]),
    frame(2, 0, 5, [0, 0, 0, 3, 16]),
    frame(
      FrameType.HEADERS,
      Flag.PRIORITY | Flag.END_HEADERS | Flag.END_STREAM,
      1,
      concat([Uint8Array.of(0, 0, 0, 3, 16), peer.block(get())]),
    ),
  ]));

// --- RST_STREAM (6.4) --------------------------------------------------------------------------

connectionError("RST_STREAM on stream 0", PROTOCOL_ERROR, () => reset(0, 8));
connectionError("RST_STREAM on a stream that was not opened", PROTOCOL_ERROR, () => reset(1, 8));
connectionError(
  "RST_STREAM of a wrong length",
  FRAME_SIZE_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), frame(FrameType.RST_STREAM, 0, 1, [0, 0, 8])]),
);
harmless("RST_STREAM on a stream that is over", async (peer) => {
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  return reset(1, 8);
});

// --- SETTINGS (6.5) ----------------------------------------------------------------------------

connectionError("SETTINGS on a stream", PROTOCOL_ERROR, () => frame(FrameType.SETTINGS, 0, 1));
connectionError(
  "SETTINGS of a wrong length",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.SETTINGS, 0, 0, [0, 1, 0]),
);
connectionError(
  "an acknowledgement of SETTINGS with a payload",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.SETTINGS, Flag.ACK, 0, setting(4, 1)),
);
connectionError(
  "ENABLE_PUSH that is neither 0 nor 1",
  PROTOCOL_ERROR,
  () => frame(FrameType.SETTINGS, 0, 0, setting(2, 2)),
);
connectionError(
  "INITIAL_WINDOW_SIZE beyond 2^31-1",
  FLOW_CONTROL_ERROR,
  () => frame(FrameType.SETTINGS, 0, 0, setting(4, 0x8000_0000)),
);
for (const size of [16_383, 0x100_0000]) {
  connectionError(
    `MAX_FRAME_SIZE of ${size}`,
    PROTOCOL_ERROR,
    () => frame(FrameType.SETTINGS, 0, 0, setting(5, size)),
  );
}
harmless("an unknown setting", () => frame(FrameType.SETTINGS, 0, 0, setting(0xfa, 1)));
connectionError(
  "an initial window that makes an open one too large",
  FLOW_CONTROL_ERROR,
  (peer) =>
    concat([
      peer.headers(1, get("/wait")),
      windowUpdate(1, 0x7fff_ffff - 65_535),
      frame(FrameType.SETTINGS, 0, 0, setting(4, 65_536)),
    ]),
);

// --- PUSH_PROMISE, PING, GOAWAY (6.6 to 6.8) ---------------------------------------------------

connectionError(
  "PUSH_PROMISE of a client",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), frame(5, 4, 1, [0, 0, 0, 2, 0x82])]),
);
connectionError(
  "PING on a stream",
  PROTOCOL_ERROR,
  () => frame(FrameType.PING, 0, 1, new Uint8Array(8)),
);
connectionError(
  "PING of a wrong length",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.PING, 0, 0, new Uint8Array(7)),
);
connectionError(
  "GOAWAY on a stream",
  PROTOCOL_ERROR,
  () => frame(FrameType.GOAWAY, 0, 1, new Uint8Array(8)),
);
connectionError(
  "GOAWAY that is too short",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.GOAWAY, 0, 0, new Uint8Array(7)),
);

Deno.test("a PING is answered with its payload", async () => {
  const { peer, done } = serve(gateway);
  await peer.greet();
  await peer.send(frame(FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]));
  const { flags, payload } = await peer.until(FrameType.PING);
  assert.equal(flags, Flag.ACK);
  assert.deepEqual([...payload], [1, 2, 3, 4, 5, 6, 7, 8]);
  peer.close();
  await done;
});

Deno.test("a client that says GOAWAY gets what it asked for, and then the end", async () => {
  const { peer, done } = serve(gateway);
  await peer.greet();
  await peer.send(
    peer.headers(1, get()),
    frame(FrameType.GOAWAY, 0, 0, concat([uint32(0), uint32(0)])),
  );
  assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "200");
  await peer.untilEnd();
  peer.close();
  await done;
});

// --- WINDOW_UPDATE (6.9) -----------------------------------------------------------------------

connectionError("a window increment of 0", PROTOCOL_ERROR, () => windowUpdate(0, 0));
streamError(
  "a stream's window increment of 0",
  PROTOCOL_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), windowUpdate(1, 0)]),
);
connectionError(
  "WINDOW_UPDATE of a wrong length",
  FRAME_SIZE_ERROR,
  () => frame(FrameType.WINDOW_UPDATE, 0, 0, [0, 0, 1]),
);
connectionError(
  "WINDOW_UPDATE on a stream that was not opened",
  PROTOCOL_ERROR,
  () => windowUpdate(1, 1),
);
connectionError(
  "a connection's window beyond 2^31-1",
  FLOW_CONTROL_ERROR,
  () => windowUpdate(0, 0x7fff_ffff),
);
streamError(
  "a stream's window beyond 2^31-1",
  FLOW_CONTROL_ERROR,
  (peer) => concat([peer.headers(1, get("/wait")), windowUpdate(1, 0x7fff_ffff)]),
);
streamError("more data than the stream's window", FLOW_CONTROL_ERROR, (peer) =>
  concat([
    peer.headers(1, post(), false),
    ...Array.from({ length: 4 }, () => data(1, new Uint8Array(MAX_FRAME_BYTES))),
    data(1, new Uint8Array(1)),
  ]));
connectionError("more data than the connection's window", FLOW_CONTROL_ERROR, (peer) =>
  // 32 streams may fill their windows; a stream that is reset frees its place and not its octets.
  concat([
    ...Array.from({ length: 32 }, (_, i) => peer.headers(2 * i + 1, post(), false)),
    ...Array.from(
      { length: 33 * 4 },
      (_, i) => data(2 * Math.min(Math.floor(i / 4), 31) + 1, new Uint8Array(MAX_FRAME_BYTES)),
    ).slice(0, 128),
    data(1, new Uint8Array(MAX_FRAME_BYTES)),
  ]));
harmless("WINDOW_UPDATE on a stream that is over", async (peer) => {
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  return windowUpdate(1, 10);
});

// --- messages (section 8) ----------------------------------------------------------------------

const base = get();
const without = (name: string) => base.filter(([each]) => each !== name);
const malformed: readonly [name: string, pairs: readonly Pair[]][] = [
  ["no :method", without(":method")],
  ["no :scheme", without(":scheme")],
  ["no :path", without(":path")],
  ["an empty :path", [...without(":path"), [":path", ""]]],
  ["a :path that is no path", [...without(":path"), [":path", "example.com/"]]],
  ["a :path with a line break", [...without(":path"), [":path", "/\r\nx: y"]]],
  ["two :method", [...base, [":method", "GET"]]],
  ["two :path", [...base, [":path", "/other"]]],
  ["two :authority", [...base, [":authority", "other"]]],
  ["a pseudo-header field behind a regular one", [["x-a", "1"], ...base]],
  ["a pseudo-header field behind `expect`", [
    [":method", "POST"],
    ["expect", "100-continue"],
    ...without(":method"),
  ]],
  ["an unknown pseudo-header field", [...base, [":new", "1"]]],
  ["a response's pseudo-header field", [...base, [":status", "200"]]],
  [":protocol, which was not offered", [...base, [":protocol", "websocket"]]],
  ["a method that is no token", [...without(":method"), [":method", "GE T"]]],
  ["an upper-case name", [...base, ["X-A", "1"]]],
  ["an empty name", [...base, ["", "1"]]],
  ["a name with a space", [...base, ["x a", "1"]]],
  ["a name with a colon", [...base, ["x:a", "1"]]],
  ["a name with a line break", [...base, ["x-a\r\nx-b", "1"]]],
  ["a value with CR", [...base, ["x-a", "1\r"]]],
  ["a value with LF", [...base, ["x-a", "1\n2"]]],
  ["a value with NUL", [...base, ["x-a", "\x00"]]],
  ["a value with a space in front", [...base, ["x-a", " 1"]]],
  ["a value with a tab behind", [...base, ["x-a", "1\t"]]],
  ["connection", [...base, ["connection", "close"]]],
  ["keep-alive", [...base, ["keep-alive", "1"]]],
  ["proxy-connection", [...base, ["proxy-connection", "close"]]],
  ["transfer-encoding", [...base, ["transfer-encoding", "chunked"]]],
  ["upgrade", [...base, ["upgrade", "h2c"]]],
  ["te other than trailers", [...base, ["te", "gzip"]]],
  ["two host", [...base, ["host", "test"], ["host", "test"]]],
  ["a content-length without content", [...base, ["content-length", "1"]]],
  ["CONNECT with :path", [...without(":method"), [":method", "CONNECT"]]],
];
for (const [name, pairs] of malformed) {
  streamError(`malformed request, ${name}`, PROTOCOL_ERROR, (peer) => peer.headers(1, pairs));
}

streamError(
  "more content than content-length says",
  PROTOCOL_ERROR,
  (peer) =>
    concat([peer.headers(1, post(["content-length", "3"]), false), data(1, new Uint8Array(4))]),
);
streamError("less content than content-length says", PROTOCOL_ERROR, (peer) =>
  concat([
    peer.headers(1, post(["content-length", "3"]), false),
    data(1, new Uint8Array(2), true),
  ]));
streamError("trailers in front of what content-length says", PROTOCOL_ERROR, (peer) =>
  concat([
    peer.headers(1, post(["content-length", "3"]), false),
    data(1, new Uint8Array(2)),
    peer.headers(1, [["x-a", "1"]]),
  ]));

const refused: readonly [name: string, pairs: readonly Pair[]][] = [
  ["neither :authority nor host", without(":authority")],
  ["host that is not :authority", [...base, ["host", "other"]]],
  [":authority with userinfo", [...without(":authority"), [":authority", "me@test"]]],
  ["an empty :authority", [...without(":authority"), [":authority", ""]]],
  ["another :scheme", [...without(":scheme"), [":scheme", "ftp"]]],
  ["a :path that begins with two slashes", [...without(":path"), [":path", "//x"]]],
  ["a :path with a fragment", [...without(":path"), [":path", "/a#b"]]],
  ["a :path with a bad escape", [...without(":path"), [":path", "/%zz"]]],
  ["a :path with braces", [...without(":path"), [":path", "/{a}"]]],
  ["`*` for GET", [...without(":path"), [":path", "*"]]],
  ["a :path with a caret", [...without(":path"), [":path", "/^"]]],
  ["a query with a quote", [...without(":path"), [":path", '/?"']]],
  ["a host beyond ASCII", [...base, ["host", "caf\u00e9"]]],
  ["a content-length that is no number", [...base, ["content-length", "1a"]]],
  ["two content-length", [...base, ["content-length", "0"], ["content-length", "0"]]],
];
for (const [name, pairs] of refused) {
  Deno.test(`refused with 400: ${name}`, async () => {
    const { peer, handler, done } = serve(gateway);
    await peer.greet();
    await peer.send(peer.headers(1, pairs));
    assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "400");
    assert.equal(handler.refused.length, 1);
    peer.close();
    await done;
    assert.equal(handler.finished.length, 1);
  });
}

const accepted: readonly [name: string, pairs: readonly Pair[]][] = [
  ["host instead of :authority", [...without(":authority"), ["host", "test"]]],
  ["host and the same :authority, in other letters", [...base, ["host", "TEST"]]],
  ["te: trailers", [...base, ["te", "trailers"]]],
  ["OPTIONS *", [[":method", "OPTIONS"], [":scheme", "http"], [":path", "*"], [
    ":authority",
    "test",
  ]]],
  ["CONNECT", [[":method", "CONNECT"], [":authority", "test:443"]]],
  ["an empty value", [...base, ["x-a", ""]]],
  ["escapes and a query", [...without(":path"), [":path", "/%C3%A9?a=%20/?"]]],
];
for (const [name, pairs] of accepted) {
  Deno.test(`accepted: ${name}`, async () => {
    const { peer, handler, done } = serve(gateway);
    await peer.greet();
    await peer.send(peer.headers(1, pairs));
    assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "200");
    assert.equal(handler.created[0].authority.toLowerCase().startsWith("test"), true);
    peer.close();
    await done;
  });
}

Deno.test("a head that is malformed because of a field in the table is malformed again", async () => {
  const { peer, done } = serve(gateway);
  await peer.greet();
  // Literal with incremental indexing, then the same by index 62.
  const bad = concat([peer.block(get()), Uint8Array.of(0x40, 3, 0x58, 0x2d, 0x41, 1, 0x31)]);
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  await peer.send(frame(FrameType.HEADERS, flags, 1, bad));
  assert.equal((await peer.answer(1)).reset, PROTOCOL_ERROR);
  const again = concat([Uint8Array.of(0x82, 0x86, 0x84, 0xbe)]);
  await peer.send(frame(FrameType.HEADERS, flags, 3, again));
  assert.equal((await peer.answer(3)).reset, PROTOCOL_ERROR);
  await peer.send(peer.headers(5, get()));
  await settle();
  assert.equal(valueOf((await peer.answer(5)).heads[0], ":status"), "200");
  peer.close();
  await done;
});
