import assert from "node:assert/strict";
import { createGzip, gunzipSync } from "node:zlib";
import { type Body, BodyError, BytesBody, readAll } from "../../http/body.ts";
import { Fields } from "../../http/fields.ts";
import { CompressedBody } from "./compressed_body.ts";

const encoder = new TextEncoder();
const ANY = 1 << 24;

/** Text that hardly repeats: gzip makes about three quarters of it. */
function text(bytes: number): Uint8Array {
  const letters = encoder.encode('abcdefghijklmnopqrstuvwxyz0123456789 ,.<>/="\n');
  let seed = 1;
  return Uint8Array.from({ length: bytes }, () => {
    seed = Math.imul(seed, 1103515245) + 12345;
    return letters[(seed >>> 16) % letters.length];
  });
}

/** A body whose pieces the test lets arrive; counts what was asked of it. */
class Trickle implements Body {
  readonly length = undefined;
  trailers: Fields | undefined = undefined;
  reads = 0;
  cancelled = false;
  readonly #pieces: (Uint8Array | BodyError | null)[];

  constructor(...pieces: (Uint8Array | BodyError | null)[]) {
    this.#pieces = pieces;
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.reads++;
    await Promise.resolve();
    const piece = this.#pieces.shift() ?? null;
    if (piece instanceof BodyError) throw piece;
    if (piece === null) return null;
    assert.ok(piece.length <= into.length);
    into.set(piece);
    return piece.length;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** A gzip body around `inner`, and how often it said that it is over. */
function gzipOf(inner: Body, maxBytes = ANY) {
  const counted = { over: 0 };
  const body = new CompressedBody(inner, createGzip({ level: 4 }), maxBytes, () => counted.over++);
  return { body, counted };
}

Deno.test("what comes out is what went in, whatever the reader's buffer", async () => {
  const input = text(300_000);
  for (const size of [1000, 65_536]) {
    const { body, counted } = gzipOf(new BytesBody(input));
    const pieces: Uint8Array[] = [];
    for (;;) {
      const into = new Uint8Array(size);
      const count = await body.read(into);
      if (count === null) break;
      assert.ok(count > 0 && count <= size);
      pieces.push(into.subarray(0, count));
    }
    assert.equal(await body.read(new Uint8Array(size)), null);
    const out = gunzipSync(
      new Uint8Array(await new Blob(pieces.map((p) => p.slice())).arrayBuffer()),
    );
    assert.deepEqual(new Uint8Array(out), input);
    assert.equal(counted.over, 1);
  }
});

Deno.test("a slow reader is not read ahead of", async () => {
  const pieces = Array.from({ length: 60 }, (_, i) => text(30_000 + i));
  const inner = new Trickle(...pieces);
  const { body } = gzipOf(inner);
  await body.read(new Uint8Array(100));
  const reads = inner.reads;
  assert.ok(reads < 12, `${reads} pieces read for 100 bytes`);
  // Another body is compressed meanwhile, from its beginning to its end, by the same threads.
  await readAll(gzipOf(new Trickle(text(30_000), text(30_000))).body, ANY);
  assert.equal(inner.reads, reads);
  body.cancel();
});

Deno.test("trailers come through", async () => {
  const inner = new Trickle(text(10));
  inner.trailers = Fields.of(["grpc-status", "0"]);
  const { body } = gzipOf(inner);
  await readAll(body, ANY);
  assert.equal(body.trailers?.get("grpc-status"), "0");
});

Deno.test("more than the limit breaks the body and gives the source up", async () => {
  const input = text(600_000);
  const pieces = Array.from({ length: 20 }, (_, i) => input.subarray(i * 30_000, (i + 1) * 30_000));
  const inner = new Trickle(...pieces);
  const { body, counted } = gzipOf(inner, 50_000);
  await assert.rejects(readAll(body, ANY), /exceeds max_output_bytes/);
  assert.equal(inner.cancelled, true);
  assert.equal(counted.over, 1);
});

Deno.test("a source that fails breaks the body with its own error", async () => {
  const failure = new BodyError(502, "cut short");
  const { body, counted } = gzipOf(new Trickle(text(30_000), failure));
  await assert.rejects(readAll(body, ANY), failure);
  assert.equal(counted.over, 1);
});

Deno.test("a body that is cancelled gives its source and its stream up, once", async () => {
  const inner = new Trickle(text(30_000), text(30_000));
  const { body, counted } = gzipOf(inner);
  body.cancel();
  body.release();
  assert.equal(inner.cancelled, true);
  assert.equal(counted.over, 1);
  await assert.rejects(async () => await body.read(new Uint8Array(10)), BodyError);
});

Deno.test("a body that is cancelled while it is read ends the read", async () => {
  const { body, counted } = gzipOf(new Trickle(text(30_000), text(30_000)));
  const reading = body.read(new Uint8Array(10));
  body.cancel();
  await assert.rejects(async () => await reading, BodyError);
  assert.equal(counted.over, 1);
});

Deno.test("a body that was read to its end is not cancelled by the end of its exchange", async () => {
  const inner = new Trickle(text(100));
  const { body, counted } = gzipOf(inner);
  await readAll(body, ANY);
  body.release();
  assert.equal(inner.cancelled, false);
  assert.equal(counted.over, 1);
});
