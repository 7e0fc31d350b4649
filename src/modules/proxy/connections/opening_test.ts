import assert from "node:assert/strict";
import { ClientError } from "../../../http/client.ts";
import type { Call } from "../../../gateway/origin.ts";
import { Opening } from "./opening.ts";

function caller(): Call {
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

Deno.test("the attempt goes on as long as a request waits", async () => {
  const opening = new Opening<string>();
  const leaving = caller();
  const staying = caller();
  const left = opening.join(leaving);
  const stayed = opening.join(staying);
  leaving.onAbort?.();
  await assert.rejects(left, ClientError);
  assert.equal(opening.signal.aborted, false);
  staying.onAbort?.();
  assert.ok(opening.signal.aborted);
  opening.fail(new ClientError("connect", "given up"));
  await assert.rejects(stayed, ClientError);
});

Deno.test("the last caller that leaves learns when the attempt has ended, and not before", async () => {
  const opening = new Opening<string>();
  const leaving = caller();
  let isTold = false;
  const left = opening.join(leaving).finally(() => isTold = true);
  leaving.onAbort?.();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(isTold, false);
  assert.equal(opening.size, 1);
  opening.fail(new ClientError("connect", "given up"));
  await assert.rejects(left, /given up/);
});

Deno.test("a connection that comes after the last has left is given to no one", async () => {
  const opening = new Opening<string>();
  const leaving = caller();
  const left = opening.join(leaving);
  leaving.onAbort?.();
  assert.equal(opening.give("a"), false);
  await assert.rejects(left, ClientError);
  assert.equal(opening.size, 0);
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
  assert.ok(other.signal.aborted);
  other.fail(new ClientError("connect", "given up"));
  await assert.rejects(connection, ClientError);
  assert.equal(opening.signal.aborted, false);
});
