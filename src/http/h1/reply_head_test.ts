import assert from "node:assert/strict";
import { type ReplyHead, ReplyReader } from "./reply_head.ts";

const OK = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n";

function read(reader: ReplyReader, text: string, method = "GET"): ReplyHead {
  // The head need not be at the beginning of what has come.
  const bytes = new TextEncoder().encode("before" + text + "behind");
  const head = reader.read(bytes, 6, bytes.length - 6, method);
  assert.ok(typeof head === "object", String(head));
  return head;
}

Deno.test("a head that comes again says the same", () => {
  const reader = new ReplyReader();
  const other = "HTTP/1.0 404 No\r\nA: 1\r\nA: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const text of [OK, OK, OK, other, OK, other, other, other, OK]) {
    const head = read(reader, text);
    const isOk = text === OK;
    assert.equal(head.status, isOk ? 200 : 404);
    assert.deepEqual([...head.fields], isOk ? [["server", "x"]] : [["a", "1"], ["a", "2"]]);
    assert.equal(head.framing, isOk ? "length" : "chunked");
    assert.equal(head.contentLength, isOk ? 5 : 0);
    assert.equal(head.persistent, isOk);
  }
});

Deno.test("what becomes of one answer's fields does not show in the next one's", () => {
  const reader = new ReplyReader();
  for (let i = 0; i < 5; i++) {
    const { fields } = read(reader, OK);
    assert.deepEqual([...fields], [["server", "x"]]);
    fields.delete("server");
    fields.append("set-cookie", `secret ${i}`);
  }
});

Deno.test("the same head means something else in an answer to HEAD", () => {
  const reader = new ReplyReader();
  for (const method of ["GET", "HEAD", "HEAD", "HEAD", "GET", "GET", "HEAD"]) {
    const { framing, fields } = read(reader, OK, method);
    assert.equal(framing, method === "HEAD" ? "none" : "length");
    assert.equal(fields.has("content-length"), method === "HEAD");
  }
});

Deno.test("what was wrong with a head is found again, and does not stick", () => {
  const reader = new ReplyReader();
  const bad = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
  for (let i = 0; i < 3; i++) {
    assert.equal(
      reader.read(bad, 0, bad.length, "GET"),
      "Content-Length is not one plain number",
    );
    assert.equal(read(reader, OK).status, 200);
  }
});

Deno.test("a long head is read anew each time", () => {
  const reader = new ReplyReader();
  const long = `HTTP/1.1 200 OK\r\nA: ${"v".repeat(5_000)}\r\nContent-Length: 5\r\n\r\n`;
  for (let i = 0; i < 4; i++) assert.equal(read(reader, long).fields.get("a")?.length, 5_000);
});
