import assert from "node:assert/strict";
import { findHeadEnd } from "./head.ts";
import { readRequestHead, RequestHead } from "./request_head.ts";

const LIMITS = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 };

/** Reads `text` as a head; the head, or the status it is refused with, at once or in its order. */
function read(text: string, limits = LIMITS): RequestHead | number {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const end = findHeadEnd(bytes, 0, bytes.length);
  assert.ok(end > 0, "the text has no complete head");
  const head = new RequestHead();
  const problem = readRequestHead(bytes, 0, end, limits, head);
  return (problem ?? head.fault)?.status ?? head;
}

function accepted(text: string): RequestHead {
  const head = read(text);
  assert.ok(typeof head === "object", `refused with ${head}`);
  return head;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n";
const GOOD = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Heads that must be refused, with the status. */
const REFUSED: readonly (readonly [what: string, status: number, text: string])[] = [
  ["no Host on HTTP/1.1", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  ["a tab behind the length", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\t\r\n\r\n"],
  [
    "a tab and a space behind the length",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\t \r\n\r\n",
  ],
  ["an empty Host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  ["a Host with user information", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  ["a Host list", 400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"],
  ["a Host with a trailing dot", 400, "GET / HTTP/1.1\r\nHost: a.\r\n\r\n"],
  ["a Host with a leading dot", 400, "GET / HTTP/1.1\r\nHost: .a\r\n\r\n"],
  ["a Host with an empty label", 400, "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"],
  ["a Host that ends in a number", 400, "GET / HTTP/1.1\r\nHost: a.1\r\n\r\n"],
  ["an empty Host on HTTP/1.0", 400, "GET http://a/ HTTP/1.0\r\nHost:\r\n\r\n"],
  ["an absolute target without a host", 400, "GET http:///a HTTP/1.0\r\n\r\n"],
  ["an absolute target with a bad host", 400, "GET http://a..b/ HTTP/1.0\r\n\r\n"],
  ["CONNECT to another host", 400, "CONNECT b:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"],
  ["CONNECT with an empty port", 400, "CONNECT a: HTTP/1.1\r\nHost: a:\r\n\r\n"],
  ["a Host port beyond 65535", 400, "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
  ["a Host port with letters", 400, "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"],
  ["a broken IPv6 Host", 400, "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"],
  ["a space before the colon", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a line without a colon", 400, "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"],
  ["an empty field name", 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"],
  ["a folded line", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"],
  ["a folded first line", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["a bare LF after the request line", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare LF in a value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n"],
  ["a bare CR in a value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"],
  ["a NUL in a value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"],
  ["a DEL in a value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"],
  ["a byte above 0x7F in a name", 400, "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: a\r\n\r\n"],
  ["a byte above 0x7F in the method", 400, "G\xe9T / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a byte above 0x7F in Host", 400, "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n"],
  [
    "a no-break space behind `close`",
    400,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\xa0\r\n\r\n",
  ],
  [
    "a no-break space behind the length",
    400,
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\xa0\r\n\r\n",
  ],
  ["two spaces in the request line", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab in the request line", 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a space behind the version", 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
  ["no version", 400, "GET /\r\nHost: a\r\n\r\n"],
  ["an empty line first", 400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["HTTP/2.0", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/1.2", 400, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
  ["a lower-case protocol", 400, "GET / http/1.1\r\nHost: a\r\n\r\n"],
  ["a method that is no token", 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an empty method", 400, " / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a relative target", 400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target with two slashes first", 400, "GET //x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a fragment", 400, "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a backslash", 400, "GET /x\\y HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a brace", 400, "GET /raw{brace} HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a broken escape", 400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a cut escape", 400, "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a caret in the path", 400, "GET /^ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a quote in the query", 400, 'GET /?" HTTP/1.1\r\nHost: a\r\n\r\n'],
  ["a less-than sign in the query", 400, "GET /?< HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a backslash in the query", 400, "GET /?\\ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a byte above 0x7F in the target", 400, "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["`*` for another method", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an absolute target of another scheme", 400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an absolute target of another host", 400, "GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an absolute target with a user", 400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an absolute target with a brace", 400, "GET http://a/{ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CONNECT with a path", 400, "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CONNECT with a whole URL", 400, "CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CONNECT without a port", 400, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a length with letters", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: nope\r\n\r\n"],
  ["a signed length", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"],
  ["a length list", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"],
  [
    "the same length twice",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
  ],
  [
    "a length beyond 64 bits",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
  ],
  ["an empty length", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"],
  [
    "length and coding",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  [
    "another coding",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  ],
  ["identity", 400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"],
  [
    "chunked twice",
    400,
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["a coding on HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["an empty Connection element", 400, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close,\r\n\r\n"],
  [
    "a Connection element that is no token",
    400,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n",
  ],
];

for (const [what, status, text] of REFUSED) {
  Deno.test(`a request head with ${what} is refused with ${status}`, () => {
    assert.equal(read(text), status);
  });
}

Deno.test("a request head is read into method, target, host and fields", () => {
  const head = accepted(
    "GET /a%20b?x=1&y=?/ HTTP/1.1\r\nHost: Example.com:8080\r\nX-Thing:  a\tb \r\nx-thing: c\r\n\r\n",
  );
  assert.equal(head.method, "GET");
  assert.equal(head.target, "/a%20b?x=1&y=?/");
  assert.equal(head.path, "/a%20b");
  assert.equal(head.query, "x=1&y=?/");
  assert.equal(head.authority, "Example.com:8080");
  assert.deepEqual(head.fields.all("x-thing"), ["a\tb", "c"]);
  assert.equal(head.framing, "none");
  assert.equal(head.persistent, true);
});

Deno.test("characters that RFC 3986 has not in targets are refused where targets are strict", () => {
  const strict = { ...LIMITS, strictTargets: true };
  for (const target of ["/[a]", "/?[a]", "/?{|}^`", "/?%", "/?%g0", "/?a=%4"]) {
    for (const form of [target, `http://a${target}`]) {
      const text = `GET ${form} HTTP/1.1\r\nHost: a\r\n\r\n`;
      assert.equal(accepted(text).target, target);
      assert.equal(read(text, strict), 400, form);
    }
  }
  assert.equal(typeof read("GET /%5B?%7B HTTP/1.1\r\nHost: a\r\n\r\n", strict), "object");
});

Deno.test("bytes above 0x7F in a value stay as they came", () => {
  const head = accepted("GET / HTTP/1.1\r\nHost: a\r\nX: \xa0caf\xc3\xa9\x80\xff\xa0 \r\n\r\n");
  assert.equal(head.fields.get("x"), "\xa0caf\xc3\xa9\x80\xff\xa0");
});

Deno.test("an empty query is distinguished from none", () => {
  assert.equal(accepted("GET /? HTTP/1.1\r\nHost: a\r\n\r\n").query, "");
  assert.equal(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").query, undefined);
});

Deno.test("an absolute target is reduced to its path and query", () => {
  const head = accepted("GET http://A.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n");
  assert.equal(head.target, "/x?y");
  assert.equal(head.path, "/x");
  assert.equal(accepted("GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?q");
});

Deno.test("an empty port is no port, in Host and in an absolute target", () => {
  const heads = [
    "GET / HTTP/1.1\r\nHost: A.example:\r\n\r\n",
    "GET http://a.example/ HTTP/1.1\r\nHost: A.example:\r\n\r\n",
    "GET http://a.example:/ HTTP/1.1\r\nHost: A.example\r\n\r\n",
    "GET http://A.example:/ HTTP/1.0\r\n\r\n",
  ];
  for (const text of heads) {
    const { authority, host, fields } = accepted(text);
    assert.deepEqual([authority, host], ["A.example", "a.example"], text);
    assert.deepEqual(fields.all("host"), ["A.example"], text);
  }
});

Deno.test("a version that is wrong in any byte is refused", () => {
  const version = "HTTP/1.1\r\n";
  for (let i = 0; i < version.length; i++) {
    const wrong = `${version.slice(0, i)}x${version.slice(i + 1)}`;
    assert.equal(read(`GET / ${wrong}Host: a\r\n\r\n`), 400, JSON.stringify(wrong));
  }
});

Deno.test("HTTP/1.0 may come without Host and ends its connection unless it asks to keep it", () => {
  const head = accepted("GET / HTTP/1.0\r\n\r\n");
  assert.equal(head.authority, "");
  assert.equal(head.persistent, false);
  assert.equal(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").persistent, true);
});

Deno.test("a list of other options in Connection neither ends a connection nor keeps one", () => {
  const persistent = (version: string, options: string) =>
    accepted(`GET / HTTP/${version}\r\nHost: a\r\nConnection: ${options}\r\n\r\n`).persistent;
  assert.equal(persistent("1.1", "Upgrade, x"), true);
  assert.equal(persistent("1.0", "Upgrade, x"), false);
  assert.equal(persistent("1.0", "Upgrade, keep-alive"), true);
});

Deno.test("close anywhere in Connection ends the connection", () => {
  const head = accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n");
  assert.equal(head.persistent, false);
});

Deno.test("the body's framing comes from length or coding", () => {
  const length = accepted("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 017\r\n\r\n");
  assert.equal(length.framing, "length");
  assert.equal(length.contentLength, 17);
  const zeros = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${"0".repeat(20)}17\r\n\r\n`;
  assert.equal(accepted(zeros).contentLength, 17);
  const coding = accepted("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
  assert.equal(coding.framing, "chunked");
  assert.equal(accepted("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").framing, "none");
});

Deno.test("Expect is understood only where a body follows", () => {
  const fields = "Host: a\r\nExpect: 100-Continue\r\n";
  assert.equal(accepted(`GET / HTTP/1.1\r\n${fields}\r\n`).expectsContinue, false);
  const post = accepted(`POST / HTTP/1.1\r\n${fields}Content-Length: 1\r\n\r\n`);
  assert.equal(post.expectsContinue, true);
});

Deno.test("a target beyond the URI limit is refused with 414", () => {
  const limits = { ...LIMITS, maxUriBytes: 16 };
  assert.equal(typeof read(`GET /${"a".repeat(15)} HTTP/1.1\r\nHost: a\r\n\r\n`, limits), "object");
  assert.equal(read(`GET /${"a".repeat(16)} HTTP/1.1\r\nHost: a\r\n\r\n`, limits), 414);
});

Deno.test("what leaves target and fields certain is a fault of the head, to be refused in its order", () => {
  const limits = { ...LIMITS, maxUriBytes: 16 };
  const faults: readonly (readonly [text: string, status: number])[] = [
    [`GET /${"a".repeat(34)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740992\r\n\r\n", 413],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n", 413],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400],
    [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740992\r\n${CHUNKED}\r\n`, 400],
    [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n${CHUNKED}\r\n`, 400],
  ];
  for (const [text, status] of faults) {
    const head = new RequestHead();
    const bytes = new TextEncoder().encode(text);
    assert.equal(readRequestHead(bytes, 0, bytes.length, limits, head), undefined, text);
    assert.equal(head.fault?.status, status, text);
    assert.equal(head.authority, "a");
    // Whatever follows the head is neither a body nor a request.
    assert.deepEqual([head.framing, head.persistent], ["none", false], text);
  }
});

Deno.test("a start line beyond the URI limit and 32 bytes is refused at once", () => {
  const limits = { ...LIMITS, maxUriBytes: 16 };
  const bytes = new TextEncoder().encode(`GET /${"a".repeat(35)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(readRequestHead(bytes, 0, bytes.length, limits, new RequestHead())?.status, 414);
});

Deno.test("a fault of one head is not one of the next", () => {
  const head = new RequestHead();
  for (const text of ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", GOOD]) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(readRequestHead(bytes, 0, bytes.length, LIMITS, head), undefined);
  }
  assert.equal(head.fault, undefined);
});

Deno.test("more fields than the limit are refused with 431", () => {
  const limits = { ...LIMITS, maxFields: 3 };
  const head = (count: number) => `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(count)}\r\n`;
  assert.equal(typeof read(head(2), limits), "object");
  assert.equal(read(head(3), limits), 431);
});

Deno.test("a field line beyond 8 KiB is refused with 431", () => {
  const head = (bytes: number) =>
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(bytes - 3)}\r\n\r\n`;
  assert.equal(typeof read(head(8192)), "object");
  assert.equal(read(head(8193)), 431);
});

Deno.test("a head that comes again says the same, and is judged by the limits of its time", () => {
  const head = new RequestHead();
  const read = (text: string, limits = LIMITS) => {
    const bytes = new TextEncoder().encode(text);
    return readRequestHead(bytes, 0, bytes.length, limits, head);
  };
  const post = "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nA: 1\r\n\r\n";
  const get = "GET /c HTTP/1.0\r\nHost: y\r\n\r\n";
  for (const text of [post, post, get, post, post, get, get]) {
    assert.equal(read(text), undefined);
    const isPost = text === post;
    assert.equal(head.method, isPost ? "POST" : "GET");
    assert.equal(head.path, isPost ? "/a" : "/c");
    assert.equal(head.query, isPost ? "b" : undefined);
    assert.equal(head.authority, isPost ? "x" : "y");
    assert.equal(head.framing, isPost ? "length" : "none");
    assert.equal(head.contentLength, isPost ? 3 : 0);
    assert.equal(head.persistent, isPost);
    assert.equal(head.fields.get("a"), isPost ? "1" : undefined);
  }
  assert.equal(read(get, { ...LIMITS, maxFields: 0 })?.status, 431);
});

Deno.test("what was wrong with a head is found again", () => {
  const head = new RequestHead();
  const read = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return readRequestHead(bytes, 0, bytes.length, LIMITS, head);
  };
  const doubtful = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n";
  const broken = "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n";
  const sound = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const text of [sound, doubtful, doubtful, sound, broken, broken, sound, doubtful]) {
    assert.equal(read(text)?.status, text === broken ? 400 : undefined);
    assert.equal(head.fault?.status, text === doubtful ? 400 : undefined, text);
  }
});
