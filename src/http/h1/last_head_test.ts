import assert from "node:assert/strict";
import { HttpExchange, type HttpVersion } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { Clock } from "../../net/clock.ts";
import { LastHead } from "./last_head.ts";
import { MessageWriter } from "./message_writer.ts";
import { responseFraming, writeResponseHead } from "./response_head.ts";
import { FACTS } from "../h2/testing/connection.ts";

interface Answer {
  readonly status: number;
  readonly method?: string;
  readonly version?: HttpVersion;
  readonly persistent?: boolean;
  readonly fields?: Fields;
  readonly body?: Uint8Array;
}

const clock = new Clock();

/** The head of an answer as it leaves. */
function head({ status, method, version, persistent = true, fields, body }: Answer): string {
  const exchange = new HttpExchange(FACTS);
  exchange.method = method ?? "GET";
  exchange.version = version ?? 11;
  exchange.status = status;
  exchange.response = fields ?? Fields.of(["date", "now"], ["a", "1"]);
  exchange.responseBody = body;
  const writer = new MessageWriter({
    send: () => Promise.reject(new Error("unasked")),
    countBody() {},
  });
  writer.begin();
  writeResponseHead(writer, exchange, responseFraming(exchange), persistent, clock);
  const text = new TextDecoder("latin1").decode(writer.unsent);
  writer.end();
  return text;
}

const BODY = new Uint8Array(3);
const ANSWERS: readonly (readonly [answer: Answer, head: string])[] = [
  [{ status: 200, body: BODY }, "200 OK|date: now|a: 1|content-length: 3"],
  [{ status: 200, body: new Uint8Array(4) }, "200 OK|date: now|a: 1|content-length: 4"],
  [{ status: 201, body: BODY }, "201 Created|date: now|a: 1|content-length: 3"],
  [{ status: 200 }, "200 OK|date: now|a: 1|content-length: 0"],
  [{ status: 304 }, "304 Not Modified|date: now|a: 1"],
  [{ status: 200, method: "HEAD" }, "200 OK|date: now|a: 1"],
  [
    { status: 200, body: BODY, persistent: false },
    "200 OK|date: now|a: 1|content-length: 3|connection: close",
  ],
  [
    { status: 200, body: BODY, version: 10 },
    "200 OK|date: now|a: 1|content-length: 3|connection: keep-alive",
  ],
  [
    { status: 200, body: BODY, fields: Fields.of(["date", "now"], ["a", "2"]) },
    "200 OK|date: now|a: 2|content-length: 3",
  ],
  [
    { status: 200, body: BODY, fields: Fields.of(["date", "now"], ["b", "1"]) },
    "200 OK|date: now|b: 1|content-length: 3",
  ],
  [
    { status: 200, body: BODY, fields: Fields.of(["date", "now"]) },
    "200 OK|date: now|content-length: 3",
  ],
];

Deno.test("an answer's head is its own, whatever came before it and however often", () => {
  for (const [before] of ANSWERS) {
    for (const [answer, lines] of ANSWERS) {
      for (let i = 0; i < 3; i++) head(before);
      const expected = `HTTP/1.1 ${lines.replaceAll("|", "\r\n")}\r\n\r\n`;
      for (let i = 0; i < 3; i++) assert.equal(head(answer), expected);
    }
  }
});

Deno.test("a list that is changed after its answer does not change what is kept", () => {
  const fields = Fields.of(["date", "now"], ["a", "1"]);
  for (let i = 0; i < 3; i++) head({ status: 200, fields });
  fields.set("a", "2");
  const expected = "HTTP/1.1 200 OK\r\ndate: now\r\na: 2\r\ncontent-length: 0\r\n\r\n";
  assert.equal(head({ status: 200, fields }), expected);
  assert.equal(head({ status: 200, fields: fields.clone() }), expected);
});

Deno.test("the time of day goes on in a head that comes again", () => {
  const fields = Fields.of(["a", "1"]);
  const seen = new Set<string>();
  for (let i = 0; i < 3; i++) seen.add(head({ status: 200, fields }));
  const real = Date;
  try {
    globalThis.Date = class extends real {
      constructor() {
        super(0);
      }
    } as DateConstructor;
    clock.tick(clock.now + 1000);
    for (let i = 0; i < 3; i++) {
      assert.match(head({ status: 200, fields }), /date: Thu, 01 Jan 1970/);
    }
  } finally {
    globalThis.Date = real;
  }
  assert.equal(seen.size <= 2, true);
});

Deno.test("a long head leaves whole each time", () => {
  const fields = Fields.of(["date", "now"], ["a", "v".repeat(3_000)]);
  for (let i = 0; i < 4; i++) assert.equal(head({ status: 200, fields }).length > 3_000, true);
});

Deno.test("where heads keep differing they are seldom compared, and kept again when they repeat", () => {
  const last = new LastHead();
  const exchange = new HttpExchange(FACTS);
  const isSame = (value: string) => {
    exchange.response = Fields.of(["a", value]);
    return last.isSame(exchange, "none", true, "");
  };
  for (let i = 0; i < 8; i++) assert.equal(isSame(`${i}`), false);
  let answers = 1;
  while (!isSame("again")) answers++;
  assert.ok(answers > 100 && answers < 200, `${answers}`);
  last.keep(exchange, BODY);
  assert.equal(isSame("again"), true);
  assert.deepEqual(last.bytes, BODY);
  assert.equal(isSame("other"), false);
  assert.equal(last.bytes, undefined);
});
