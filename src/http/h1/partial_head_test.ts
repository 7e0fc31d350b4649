import assert from "node:assert/strict";
import fc from "fast-check";
import { RawClient } from "./testing/raw_client.ts";
import { findHeadEnd, type HeadProblem } from "./head.ts";
import { judgePartialHead } from "./partial_head.ts";
import { readRequestHead, RequestHead } from "./request_head.ts";
import { hello, TestServer } from "./testing/connection.ts";

const LIMITS = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 };

/** Text that is right as far as it goes, and the byte with which it never becomes a head. */
const DAMNED: readonly (readonly [what: string, right: string, wrong: string])[] = [
  ["a TLS handshake", "", "\x16"],
  ["a byte beyond ASCII", "", "\xe9"],
  ["a space first", "", " "],
  ["a line feed first", "", "\n"],
  ["a carriage return and something else", "\r", "G"],
  ["a second empty line", "\r\n", "\r"],
  ["a method that is no token", "GET", "("],
  ["a method and nothing else", "GET", "\r"],
  ["a tab behind the method", "GET", "\t"],
  ["two spaces", "GET ", " "],
  ["a relative target", "GET ", "x"],
  ["a relative target that begins as a scheme", "GET htt", "x"],
  ["another scheme", "GET https", "x"],
  ["a target with two slashes first", "GET /", "/"],
  ["a fragment", "GET /x", "#"],
  ["a fragment in a query", "GET /x?y", "#"],
  ["a control in a target", "GET /", "\0"],
  ["a byte beyond ASCII in an absolute target", "GET http://a/", "\xe9"],
  ["a broken escape", "GET /%", "g"],
  ["a broken escape's second digit", "GET /%4", "g"],
  ["no version", "GET /", "\r"],
  ["a bare LF behind the target", "GET /", "\n"],
  ["`*` for another method", "GET ", "*"],
  ["CONNECT with a path", "CONNECT ", "/"],
  ["another protocol", "GET / HTTP", "S"],
  ["a lower-case protocol", "GET / ", "h"],
  ["HTTP/2", "GET / HTTP/", "2"],
  ["HTTP/1.2", "GET / HTTP/1.", "2"],
  ["a space behind the version", "GET / HTTP/1.1", " "],
  ["a bare LF behind the version", "GET / HTTP/1.1", "\n"],
  ["a lone CR behind the version", "GET / HTTP/1.1\r", "H"],
  ["a folded first line", "GET / HTTP/1.1\r\n", " "],
  ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\n", "\t"],
  ["an empty name", "GET / HTTP/1.1\r\n", ":"],
  ["a space in a name", "GET / HTTP/1.1\r\nHost", " "],
  ["a line without a colon", "GET / HTTP/1.1\r\nHost", "\r"],
  ["a bare LF in a value", "GET / HTTP/1.1\r\nHost: a", "\n"],
  ["a NUL in a value", "GET / HTTP/1.1\r\nHost: a", "\0"],
  ["a lone CR in a value", "GET / HTTP/1.1\r\nHost: a\r", "b"],
  ["a bare LF for the last line", "GET / HTTP/1.1\r\nHost: a\r\n", "\n"],
  ["a lone CR for the last line", "GET / HTTP/1.1\r\nHost: a\r\n\r", "b"],
];

for (const [what, right, wrong] of DAMNED) {
  Deno.test(`a head with ${what} is refused at that byte`, async () => {
    await using server = new TestServer(hello);
    using client = await RawClient.connect(server.port);
    // Byte by byte, and no byte after the one that damns it.
    for (const byte of right + wrong) await client.send(byte);
    assert.equal((await client.answer())?.status, 400);
    assert.ok(await client.isClosed());
    assert.equal(server.finished.length, 1);

    assert.equal(typeof judgeAll(right), "number", "it was refused too early");
  });
}

Deno.test("a head is refused at its first byte after an answer, too", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.answer())?.status, 200);
  await client.send("\x16");
  assert.equal((await client.answer())?.status, 400);
});

Deno.test("a field line is refused with 431 as soon as it is too long", async () => {
  await using server = new TestServer(hello);
  for (const line of ["y".repeat(8193), `X: ${"y".repeat(8190)}`]) {
    using client = await RawClient.connect(server.port);
    await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${line}`);
    assert.equal((await client.answer())?.status, 431);
  }
});

Deno.test("property: only what is never accepted is refused before its end", () => {
  const part = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom("\r\n", " ", "/", "GET", "HTTP/1.1", "Host", ":", "a"),
    },
    fc.constantFrom("%41", "%", "?", "*", "http://a", "CONNECT", "OPTIONS", "HTTP/1.0", "\t"),
    fc.string({ unit: "binary-ascii", maxLength: 3 }),
  );
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("GET / HTTP/1.1\r\n", "Host: a\r\n", "X:\r\n") },
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join("") + "\r\n"),
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), (lines) => {
      const text = lines.join("") + "\r\n";
      const bytes = bytesOf(text);
      const end = findHeadEnd(bytes, 0, bytes.length);
      const refused = judgeAll(text.slice(0, end - 1));
      if (typeof refused === "number") return;
      const problem = readRequestHead(bytes, 0, end, LIMITS, new RequestHead());
      assert.ok(problem !== undefined, JSON.stringify([text, refused.reason]));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("property: however a head comes in pieces, the same of it is found right", () => {
  const cut = fc.array(fc.nat({ max: 60 }), { maxLength: 5 });
  const text = "POST http://a/b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r";
  fc.assert(fc.property(cut, (cuts) => {
    const bytes = bytesOf(text);
    let judged: number | HeadProblem = 0;
    for (const end of [...cuts.toSorted((a, b) => a - b), text.length]) {
      assert.equal(typeof judged, "number");
      judged = judgePartialHead(bytes, 0, Number(judged), Math.min(end, text.length), true, LIMITS);
    }
    assert.equal(judged, text.length - 1);
  }));
});

/** What is found as `text` comes byte by byte, with what an earlier head left in the buffer after it. */
function judgeAll(text: string): number | HeadProblem {
  const head = text.startsWith("\r\n") ? text.slice(2) : text;
  const bytes = bytesOf(head + "%41/?\r\n ".repeat(3));
  let judged: number | HeadProblem = 0;
  for (let end = 1; end <= head.length && typeof judged === "number"; end++) {
    judged = judgePartialHead(bytes, 0, judged, end, head === text, LIMITS);
  }
  return judged;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
