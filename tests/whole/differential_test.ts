/**
 * Our reader of HTTP/1 requests beside the runtime's own: whatever ours accepts, the other must read
 * as the same method, target, fields and body. A difference is where request smuggling begins.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { HttpExchange } from "../../src/http/exchange.ts";
import { Fields } from "../../src/http/fields.ts";
import { readAll } from "../../src/http/body.ts";
import { serveHttp1 } from "../../src/http/h1/server.ts";
import { OpenConnections } from "../../src/http/server.ts";
import { Clock } from "../../src/net/clock.ts";
import { RawClient } from "../testing/raw.ts";

/** What a server made of the bytes. */
interface Reading {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.oneof(
  fc.stringMatching(/^[ -~\t]{0,20}$/),
  fc.constantFrom(
    "chunked",
    "gzip, chunked",
    "close",
    "keep-alive",
    "5",
    "0",
    "+1",
    "1, 1",
    "\x01",
    "caf\xc3\xa9",
    "\xa0close\xa0",
    "5\xa0",
  ),
);
const name = fc.oneof(
  { weight: 3, arbitrary: token },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "Content-Length",
      "Transfer-Encoding",
      "Connection",
      "X-A ",
      " X-B",
      "Host",
    ),
  },
);
const eol = fc.oneof({ weight: 30, arbitrary: fc.constant("\r\n") }, {
  weight: 1,
  arbitrary: fc.constantFrom("\n", "\r", "\r\n ", "\r\r\n"),
});
const line = fc.tuple(name, fc.constantFrom(":", ": ", ":\t", " :"), value, eol)
  .map((parts) => parts.join(""));
const target = fc.oneof(
  fc.stringMatching(/^\/[!$&-;=?-Z_a-z~]{0,20}$/),
  fc.stringMatching(/^\/[a[\]]{0,4}\?[a[\]{}|^`%]{0,8}$/),
  fc.constantFrom("/", "*", "//a", "/a#b", "http://h/x?y", "/%41", "/%4", "/?", "/a?b?c"),
);
const head = fc.tuple(
  fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH"),
  fc.constantFrom(" ", " ", " ", " ", "  ", "\t"),
  target,
  fc.constantFrom(" HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/1.2", ""),
  eol,
  fc.array(line, { maxLength: 5 }),
).map(([method, gap, path, version, end, lines]) =>
  `${method}${gap}${path}${version}${end}Host: h\r\n${lines.join("")}`
);
const payload = fc.oneof(
  fc.constant(""),
  fc.stringMatching(/^[ -~]{0,12}$/),
  fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { maxLength: 4 }).map((chunks) =>
    chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") + "0\r\n\r\n"
  ),
  fc.constantFrom("1\r\na\r\n0\r\n\r\n", "1;x=y\r\na\r\n0\r\n\r\n", "01\r\na\r\n0\r\n\r\n"),
);

Deno.test("what the request reader accepts, the runtime's own reads the same way", async () => {
  const seenByUs: Reading[] = [];
  const seenByNode: Reading[] = [];
  const node = createServer({ requireHostHeader: false }, (request, response) => {
    void readNode(request, response, seenByNode);
  });
  await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  const clock = new Clock();
  const open = new OpenConnections();
  const ours = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveAll(ours, clock, open, seenByUs);
  const port = (ours.addr as Deno.NetAddr).port;
  const nodePort = (node.address() as AddressInfo).port;
  let compared = 0;
  try {
    await fc.assert(
      fc.asyncProperty(head, payload, async (start, body) => {
        seenByUs.length = seenByNode.length = 0;
        const text = `${start}\r\n${body}`;
        await exchange(port, text, true);
        if (seenByUs.length === 0) return;
        await exchange(nodePort, text, false);
        compared++;
        assert.deepEqual(seenByNode[0], seenByUs[0]);
      }),
      { numRuns: 2000 },
    );
    assert.ok(compared > 100, `only ${compared} of the generated requests were accepted`);
  } finally {
    ours.close();
    open.abort();
    await serving;
    await new Promise((resolve) => node.close(resolve));
  }
});

/** Sends `text` and reads until the server closes; `end` says that nothing more will come. */
async function exchange(port: number, text: string, end: boolean): Promise<void> {
  using client = await RawClient.connect(port);
  try {
    await client.send(text);
    if (end) await client.conn.closeWrite();
    await client.rest();
  } catch {
    // The server closed before it had everything, which is one way to refuse.
  }
}

async function readNode(
  request: IncomingMessage,
  response: ServerResponse,
  seen: Reading[],
): Promise<void> {
  let body = "";
  request.setEncoding("latin1");
  try {
    for await (const part of request) body += part;
  } catch {
    return;
  }
  const fields: (readonly [string, string])[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    fields.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
  }
  // Ours reduces the absolute form to the origin form; node leaves that to its user.
  const target = (request.url ?? "").replace(/^https?:\/\/[^/?]*(\/?)/i, "/");
  seen.push({ method: request.method ?? "", target, fields, body });
  response.setHeader("connection", "close");
  response.end();
}

async function serveAll(
  listener: Deno.TcpListener,
  clock: Clock,
  open: OpenConnections,
  seen: Reading[],
): Promise<void> {
  const running: Promise<void>[] = [];
  const handler = {
    create: (facts: HttpExchange["connection"]) => new HttpExchange(facts),
    async handle(exchange: HttpExchange) {
      exchange.response = new Fields();
      if (exchange.headFault !== undefined) {
        exchange.status = exchange.headFault.status;
        return;
      }
      try {
        const bytes = exchange.requestBody === undefined
          ? new Uint8Array()
          : await readAll(exchange.requestBody, 65_536);
        seen.push({
          method: exchange.method,
          target: exchange.target,
          fields: [...exchange.request],
          body: new TextDecoder("latin1").decode(bytes),
        });
        exchange.status = 200;
      } catch {
        exchange.status = 400;
      }
      exchange.closeAfter = true;
    },
    resume() {},
    fail(_exchange: HttpExchange, reason: unknown) {
      throw reason;
    },
    refuse(exchange: HttpExchange, status: number) {
      exchange.status = status;
      exchange.response = new Fields();
    },
    finish() {},
  };
  const limits = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 };
  for await (const conn of listener) {
    const { remoteAddr, localAddr } = conn;
    const facts = {
      peerAddress: remoteAddr.hostname,
      peerPort: remoteAddr.port,
      peerIsDirect: true,
      localAddress: localAddr.hostname,
      localPort: localAddr.port,
      listener: "test",
      tls: undefined,
    };
    running.push(serveHttp1(conn, facts, handler, { limits, clock, open, headTimeoutMs: 10_000 }));
  }
  await Promise.all(running);
}
