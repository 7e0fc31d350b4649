import assert from "node:assert/strict";
import { type Body, BodyError, BytesBody, readAll } from "../../http/body.ts";
import { turn } from "../../net/testing/until.ts";
import { SmallBody } from "./small_body.ts";

const ANY = 1000;

/** Stands in for a codec: easy to see. */
const doubled = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte) => byte * 2);

/** A body that gives its pieces, a promise of them, or an error. */
function source(
  pieces: readonly (readonly number[] | "wait" | BodyError)[],
): Body & { cancelled: boolean } {
  const left = [...pieces];
  const next = (into: Uint8Array): number | null => {
    const piece = left.shift();
    if (piece instanceof BodyError) throw piece;
    if (piece === undefined || piece === "wait") return null;
    into.set(piece);
    return piece.length;
  };
  return {
    length: undefined,
    trailers: undefined,
    cancelled: false,
    read(into) {
      if (left[0] !== "wait") return next(into);
      left.shift();
      return new Promise<void>((resolve) => setTimeout(resolve, 0)).then(() => next(into));
    },
    cancel() {
      this.cancelled = true;
    },
  };
}

Deno.test("a body that is available is compressed at once", () => {
  const body = new SmallBody(source([[1, 2], [3]]), 3, doubled, ANY);
  assert.deepEqual(body.atOnce(), Uint8Array.of(2, 4, 6));
});

Deno.test("a body that has to be waited for is compressed when it is read", async () => {
  for (const pieces of [["wait", [1, 2], "wait", [3]], [[1, 2, 3], "wait"]] as const) {
    const body = new SmallBody(source(pieces), 3, doubled, ANY);
    assert.equal(body.atOnce(), undefined);
    assert.deepEqual(await readAll(body, ANY), Uint8Array.of(2, 4, 6));
  }
});

Deno.test("a body shorter or longer than it was said to be is broken and given up", async () => {
  for (const [pieces, length] of [[[[1, 2]], 3], [[[1, 2, 3]], 2]] as const) {
    const inner = source(pieces);
    assert.throws(() => new SmallBody(inner, length, doubled, ANY).atOnce(), BodyError);
    assert.equal(inner.cancelled, true);
    const late = source(["wait", ...pieces]);
    const body = new SmallBody(late, length, doubled, ANY);
    body.atOnce();
    await assert.rejects(readAll(body, ANY), BodyError);
    assert.equal(late.cancelled, true);
  }
});

Deno.test("a failure that no caller reads is not an unhandled rejection", async () => {
  const inner = source(["wait", new BodyError(502, "cut short")]);
  const body = new SmallBody(inner, 3, doubled, ANY);
  assert.equal(body.atOnce(), undefined);
  body.cancel();
  assert.equal(inner.cancelled, true);
  // The failure comes in the first turn; what no caller has waited for ends the thread before the second.
  await turn();
  await turn();
});

Deno.test("a failure that is waited for breaks the body", async () => {
  const failure = new BodyError(502, "cut short");
  const body = new SmallBody(source(["wait", [1], failure]), 3, doubled, ANY);
  body.atOnce();
  await assert.rejects(readAll(body, ANY), failure);
});

Deno.test("more than the limit breaks a body that was waited for", async () => {
  const body = new SmallBody(source(["wait", [1, 2, 3]]), 3, doubled, 2);
  body.atOnce();
  await assert.rejects(readAll(body, ANY), /exceeds max_output_bytes/);
});

Deno.test("the end of the source is read", () => {
  const inner = new BytesBody(Uint8Array.of(1));
  new SmallBody(inner, 1, doubled, ANY).atOnce();
  assert.equal(inner.read(new Uint8Array(1)), null);
});
