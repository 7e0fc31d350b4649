import assert from "node:assert/strict";
import { ClientError } from "../../http/client.ts";
import { type Caller, Opening } from "./opening.ts";

function caller(): Caller {
  return { onAbort: undefined, aborted: false };
}

Deno.test("those who wait are served in the order they came, one connection each", async () => {
  const opening = new Opening<string>();
  const first = opening.join(caller());
  const second = opening.join(caller());
  assert.equal(opening.size, 2);
  assert.ok(opening.give("a"));
  assert.ok(opening.give("b"));
  assert.equal(opening.give("c"), false);
  assert.deepEqual(await Promise.all([first, second]), ["a", "b"]);
});

Deno.test("who is served is not listened to any more", async () => {
  const opening = new Opening<string>();
  const waiting = caller();
  const connection = opening.join(waiting);
  opening.give("a");
  assert.equal(waiting.onAbort, undefined);
  assert.equal(await connection, "a");
});

Deno.test("all who wait fail together", async () => {
  const opening = new Opening<string>();
  const failures = [opening.join(caller()), opening.join(caller())];
  opening.fail(new ClientError("connect", "refused"));
  for (const failure of failures) await assert.rejects(failure, /refused/);
});

Deno.test("the attempt goes on as long as somebody waits", async () => {
  const opening = new Opening<string>();
  const leaving = caller();
  const staying = caller();
  const left = opening.join(leaving);
  const stayed = opening.join(staying);
  leaving.onAbort?.();
  await assert.rejects(left, ClientError);
  assert.equal(opening.signal.aborted, false);
  staying.onAbort?.();
  await assert.rejects(stayed, ClientError);
  assert.ok(opening.signal.aborted);
});

Deno.test("who moves to another attempt is served and given up there", async () => {
  const opening = new Opening<string>();
  const other = new Opening<string>();
  const moving = caller();
  const connection = opening.join(moving);
  opening.moveOneTo(other);
  assert.equal(opening.size, 0);
  opening.fail(new ClientError("connect", "not told"));
  moving.onAbort?.();
  await assert.rejects(connection, ClientError);
  assert.ok(other.signal.aborted);
  assert.equal(opening.signal.aborted, false);
});
