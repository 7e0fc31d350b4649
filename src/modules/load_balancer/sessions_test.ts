/** Sessions and managed cookies (spec 03 sections 9 and 23). */
import assert from "node:assert/strict";
import { Fields } from "../../http/fields.ts";
import { newMemory } from "../../zones/layout.ts";
import { cookieKey } from "./request/request_key.ts";
import { secretMemory, tokenOf } from "./care/secrets.ts";
import { sessionMemory, type Sessions, type SessionsSize } from "./memory/session_memory.ts";

function sessionsOf(size: SessionsSize): Sessions {
  const memory = newMemory(sessionMemory, size, 1);
  sessionMemory.apply?.(memory, size, { threads: 1, waitUntil: Infinity });
  return sessionMemory.open(memory, { index: 0, count: 1 });
}

const A = { slot: 1, incarnation: 1 };
const B = { slot: 2, incarnation: 1 };

Deno.test("a session lasts from when it was written, and use does not prolong it", () => {
  const sessions = sessionsOf({ maxEntries: 10, keyBytes: 0 });
  sessions.put("192.0.2.1", A, 100, 30);
  assert.deepEqual(sessions.find("192.0.2.1", 129), A);
  assert.equal(sessions.find("192.0.2.1", 130), undefined);
  assert.equal(sessions.size, 0);
  assert.equal(sessions.find("192.0.2.2", 100), undefined);
});

Deno.test("sessions are counted by member, and writing one again moves it", () => {
  const sessions = sessionsOf({ maxEntries: 10, keyBytes: 0 });
  sessions.put("a", A, 100, 30);
  sessions.put("b", A, 100, 30);
  sessions.put("a", B, 100, 30);
  assert.deepEqual([sessions.count(1), sessions.count(2), sessions.size], [1, 1, 2]);
  assert.equal(sessions.clear(), 2);
  assert.deepEqual([sessions.count(1), sessions.count(2), sessions.size], [0, 0, 0]);
  assert.equal(sessions.find("a", 100), undefined);
});

Deno.test("a full table gives up what is over, else what would be over first", () => {
  const sessions = sessionsOf({ maxEntries: 3, keyBytes: 0 });
  for (const [i, key] of ["a", "b", "c", "d"].entries()) sessions.put(key, A, 100 + i, 30);
  assert.equal(sessions.size, 3);
  assert.equal(sessions.find("a", 104), undefined);
  assert.deepEqual(sessions.find("b", 104), A);
  sessions.put("e", B, 132, 30);
  assert.equal(sessions.find("b", 132), undefined);
  assert.deepEqual(sessions.find("e", 132), B);
});

Deno.test("many sessions come and go in constant steps, and none is lost", () => {
  const sessions = sessionsOf({ maxEntries: 5000, keyBytes: 0 });
  for (let i = 0; i < 20_000; i++) sessions.put(`key ${i}`, A, i, 100_000);
  assert.equal(sessions.size, 5000);
  for (let i = 15_000; i < 20_000; i++) assert.deepEqual(sessions.find(`key ${i}`, 20_000), A);
  assert.equal(sessions.find("key 14999", 20_000), undefined);
});

Deno.test("keys are kept where they are to be saved, and nowhere else", () => {
  const kept = sessionsOf({ maxEntries: 10, keyBytes: 48 });
  kept.put("192.0.2.1", A, 100, 30);
  assert.deepEqual([...kept.saved(110)].flat(), [{ key: "192.0.2.1", secondsLeft: 20, ...A }]);
  const hashed = sessionsOf({ maxEntries: 10, keyBytes: 0 });
  hashed.put("192.0.2.1", A, 100, 30);
  assert.deepEqual([...hashed.saved(110)].flat(), []);
});

Deno.test("tokens are those of section 23", () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const token = tokenOf(new Uint8Array(32).fill(7), "fluxheim_lb", key);
  assert.equal(token, "AAECAwQFBgcICQoLDA0OD3NMPseT-G3X42k0pFA3d7iYNxKlfKq2wK0vrhfAQQrR");
});

Deno.test("a token holds for its cookie alone, for a day and until the next key is old", () => {
  const secrets = secretMemory.open(newMemory(secretMemory, undefined, 1), { index: 0, count: 1 });
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const token = secrets.token("lb", key, 100);
  assert.deepEqual(secrets.verified("lb", token, 101), key);
  assert.equal(secrets.verified("other", token, 101), undefined);
  assert.equal(secrets.verified("lb", token.slice(0, 63) + "A", 101), undefined);
  assert.equal(secrets.verified("lb", token + "A", 101), undefined);
  assert.equal(secrets.verified("lb", "*".repeat(64), 101), undefined);
  assert.deepEqual(secrets.verified("lb", token, 100 + 86_400), key);
  assert.equal(secrets.verified("lb", token, 100 + 2 * 86_400), undefined);
});

Deno.test("the first cookie of exactly the name counts", () => {
  const fields = Fields.of(["cookie", "A=1; ab=2;a= 3 "], ["cookie", "a=4"]);
  assert.equal(cookieKey(fields, "a"), "3");
  assert.equal(cookieKey(fields, "A"), "1");
  assert.equal(cookieKey(fields, "b"), "");
  assert.equal(cookieKey(Fields.of(["cookie", `a=${"x".repeat(513)}`]), "a"), "");
});
