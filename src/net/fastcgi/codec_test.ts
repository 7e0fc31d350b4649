import assert from "node:assert/strict";
import fc from "fast-check";
import { ParamsWriter } from "./params_writer.ts";
import { RecordParser } from "./record_parser.ts";
import { END_OF_STDIN, MAX_PARAMS_CONTENT } from "./records.ts";
import {
  endRequest,
  latin1,
  pairsOf,
  record,
  recordsOf,
  stderr,
  stdout,
} from "./testing/records.ts";

/** Everything a parser makes of bytes that arrive in these pieces. */
function parsed(pieces: Iterable<Uint8Array>) {
  const out: number[] = [];
  const err: number[] = [];
  const parser = new RecordParser({
    stdout: (bytes) => void out.push(...bytes),
    stderr: (bytes) => void err.push(...bytes),
  });
  for (const piece of pieces) parser.feed(piece);
  const { state, fault, protocolStatus, hasSurplus } = parser;
  return { out: latin1(out), err: latin1(err), state, fault, protocolStatus, hasSurplus };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** `bytes` cut at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) =>
    a - b
  );
  let from = 0;
  return at.map((to) => bytes.subarray(from, from = to));
}

Deno.test("an answer is output, errors and an end", () => {
  const found = parsed([
    joined(stdout("Status: 200"), stderr("oops"), stdout("\r\n\r\nhi"), endRequest()),
  ]);
  assert.deepEqual(found, {
    out: "Status: 200\r\n\r\nhi",
    err: "oops",
    state: "ended",
    fault: "",
    protocolStatus: 0,
    hasSurplus: false,
  });
});

Deno.test("an answer has not ended before the padding of its end", () => {
  const padded = endRequest({ padding: 7 });
  assert.equal(parsed([padded.subarray(0, padded.length - 1)]).state, "reading");
  assert.equal(parsed([padded]).state, "ended");
});

Deno.test("bytes after the end are noticed", () => {
  assert.equal(parsed([joined(endRequest(), stdout("late"))]).hasSurplus, true);
});

Deno.test("the reserved bytes of the end may be anything", () => {
  const end = endRequest();
  end.fill(0xee, 13);
  assert.equal(parsed([end]).state, "ended");
  assert.equal(parsed([end]).protocolStatus, 0);
});

for (
  const [name, bytes, fault] of [
    ["another version", record(6, "x", { version: 2 }), /version 2/],
    ["another request", record(6, "x", { id: 2 }), /request 2/],
    ["a type that no one asked for", record(10, "x"), /type 10/],
    ["an end of another length", record(3, "1234"), /END_REQUEST has 4 bytes/],
  ] as const
) {
  Deno.test(`${name} breaks the answer`, () => {
    const found = parsed([bytes]);
    assert.equal(found.state, "broken");
    assert.match(found.fault, fault);
    assert.equal(found.out, "");
  });
}

Deno.test("records without content do not go on for ever", () => {
  const found = parsed(Array.from({ length: 1025 }, () => stdout("")));
  assert.match(found.fault, /too many records are empty/);
});

Deno.test("a responder may refuse a request", () => {
  assert.equal(parsed([endRequest({ protocolStatus: 2 })]).protocolStatus, 2);
});

Deno.test("how the bytes are cut changes nothing", () => {
  const piece = fc.record({
    kind: fc.constantFrom("out", "err"),
    text: fc.string({ maxLength: 40 }).map((text) => text.replace(/[^ -~]/g, ".")),
    padding: fc.nat(255),
  });
  fc.assert(fc.property(
    fc.array(piece, { maxLength: 8 }),
    fc.array(fc.nat(), { maxLength: 12 }),
    fc.nat(255),
    (pieces, places, padding) => {
      const bytes = joined(
        ...pieces.map(({ kind, text, padding }) =>
          record(kind === "out" ? 6 : 7, text, { padding })
        ),
        endRequest({ padding }),
      );
      const whole = parsed([bytes]);
      assert.equal(whole.state, "ended");
      assert.equal(whole.out, pieces.filter((p) => p.kind === "out").map((p) => p.text).join(""));
      assert.deepEqual(parsed(cut(bytes, places)), whole);
    },
  ));
});

Deno.test("whatever arrives, the parser comes to a state and invents nothing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const found = parsed([bytes]);
    assert.ok(found.out.length + found.err.length <= bytes.length);
    assert.deepEqual(parsed(cut(bytes, [1, 3, 9, 17])), found);
  }));
});

Deno.test("a request's head begins a responder that closes, or keeps, the connection", () => {
  const begin = (keep: boolean) => recordsOf(new ParamsWriter(keep).finish()!)[0];
  assert.deepEqual([...begin(false).content], [0, 1, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...begin(true).content], [0, 1, 1, 0, 0, 0, 0, 0]);
});

Deno.test("pairs are read as they were written, whole in each record", () => {
  const pair = fc.tuple(
    fc.string({ minLength: 1, maxLength: 200 }).map((text) => text.replace(/[^ -~]/g, "N")),
    fc.oneof(
      fc.string({ maxLength: 300 }).map((text) => text.replace(/[^ -~]/g, "v")),
      fc.nat(30_000).map((length) => "x".repeat(length)),
    ),
  );
  fc.assert(fc.property(fc.array(pair, { maxLength: 30 }), (pairs) => {
    const writer = new ParamsWriter(false);
    for (const [name, value] of pairs) writer.add(name, value);
    const [, ...params] = recordsOf(writer.finish()!);
    assert.equal(params.at(-1)?.content.length, 0);
    for (const { type, content, padding } of params) {
      assert.equal(type, 4);
      assert.ok(content.length + padding <= MAX_PARAMS_CONTENT);
      assert.equal((content.length + padding) % 8, 0);
    }
    // Read record by record, as php-fpm does.
    assert.deepEqual(params.flatMap(({ content }) => pairsOf(content)), pairs);
    // No empty record but the last: it would end the head.
    assert.equal(params.filter(({ content }) => content.length === 0).length, 1);
  }));
});

Deno.test("bytes above 127 go out as they came, text as UTF-8", () => {
  const writer = new ParamsWriter(false);
  writer.add("A", "\xdc\xff");
  writer.addText("B", "Ü");
  const [, { content }] = recordsOf(writer.finish()!);
  assert.deepEqual([...content], [1, 2, 65, 0xdc, 0xff, 1, 2, 66, 0xc3, 0x9c]);
});

Deno.test("a pair that is longer than a record has no head", () => {
  const longest = MAX_PARAMS_CONTENT - 1 - 4 - 1;
  const writer = (length: number) => {
    const params = new ParamsWriter(false);
    params.add("A", "1");
    params.add("N", "x".repeat(length));
    return params.finish();
  };
  assert.ok(writer(longest) !== undefined);
  assert.equal(writer(longest + 1), undefined);
});

Deno.test("a request without a body ends with its head", () => {
  const params = new ParamsWriter(false);
  params.add("A", "1");
  const records = recordsOf(params.finish(true)!);
  assert.deepEqual(records.map(({ type }) => type), [1, 4, 4, 5]);
});

Deno.test("the end of the input is an empty record", () => {
  assert.deepEqual([...END_OF_STDIN], [1, 5, 0, 1, 0, 0, 0, 0]);
});
