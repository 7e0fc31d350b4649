import assert from "node:assert/strict";
import { readRequestHead, RequestHead as Http1Head } from "./h1/request_head.ts";
import { RequestHead as Http2Head } from "./h2/heads/request_head.ts";

const LIMITS = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 };

type Line = readonly [name: string, value: string];

/** Why a request with these fields is refused over HTTP/1 and over HTTP/2. */
function faults(...lines: Line[]): (string | undefined)[] {
  const text = `GET / HTTP/1.1\r\nhost: a\r\n${
    lines.map((line) => line.join(": ") + "\r\n").join("")
  }\r\n`;
  const bytes = new TextEncoder().encode(text);
  const http1 = new Http1Head();
  const problem = readRequestHead(bytes, 0, bytes.length, LIMITS, http1) ?? http1.fault;
  const http2 = new Http2Head();
  http2.reset(LIMITS);
  for (const [name, value] of lines) http2.field(name.toLowerCase(), value, 0);
  return [problem, repeatedOf(http2)].map((fault) => fault && `${fault.status} ${fault.reason}`);
}

function repeatedOf(head: Http2Head) {
  const fault = head.refusal();
  // Without pseudo-header fields there is no host, which is looked at later.
  return fault?.reason.startsWith("there are two of") ? fault : undefined;
}

for (
  const name of [
    "Authorization",
    "Origin",
    "Content-Range",
    "If-Range",
    "If-Modified-Since",
    "If-Unmodified-Since",
  ]
) {
  Deno.test(`a request with two lines of ${name} is refused over both protocols`, () => {
    const refused = `400 there are two of ${name.toLowerCase()}`;
    assert.deepEqual(faults([name, "a"], ["x-other", "b"], [name, "c"]), [refused, refused]);
    assert.deepEqual(faults([name, "a"], [name, "a"]), [refused, refused]);
    assert.deepEqual(faults([name, "a"], ["x-other", "b"]), [undefined, undefined]);
  });
}

Deno.test("two lines of Content-Type are refused unless they say the same", () => {
  const refused = "400 there are two of content-type";
  const json: Line = ["Content-Type", "application/json"];
  assert.deepEqual(faults(json, ["Content-Type", "text/plain"]), [refused, refused]);
  assert.deepEqual(faults(json, json), [undefined, undefined]);
});

Deno.test("lists and what clients in use repeat pass", () => {
  for (
    const name of ["Accept", "Cookie", "If-None-Match", "Range", "User-Agent", "X-Forwarded-For"]
  ) {
    assert.deepEqual(faults([name, "a=1"], [name, "b=2"]), [undefined, undefined], name);
  }
});
