/**
 * Clients that go away while their requests are worked on: whatever they leave unread, what was taken for
 * them is free again soon, and those that only ended their sending side get their answer.
 */
import assert from "node:assert/strict";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream, type RawUpstreamConnection } from "../peers/raw_upstream.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { testWith, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { authority, curl, pairFiles, pairTable } from "../tls/testing/tls_site.ts";

const PERMITS = 4;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** More than the buffers of four sockets and what is read ahead. */
const UPLOAD_BYTES = 12_000_000;

const LISTENERS = {
  cleartext: "",
  "tls by name": `[tls]\nenabled = true\ncertificates = [${pairTable("a")}]\n`,
  "fast tls": `[tls]\nenabled = true\nfast_listener = true\ncertificates = [${pairTable("a")}]\n`,
};
type ListenerKind = keyof typeof LISTENERS;

/** What a client sends before it leaves. */
const KINDS: Record<string, string | [head: string, body: number]> = {
  "nothing more": "GET /stuck HTTP/1.1\r\nHost: a.test\r\n\r\n",
  "a byte behind a request": "GET /stuck HTTP/1.1\r\nHost: a.test\r\n\r\nG",
  "requests behind a request": "GET /stuck HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(3),
  "a head and half a body": "POST /stuck HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhalf",
  "half a chunk":
    "POST /stuck HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
  "a body that waits for its invitation":
    "POST /stuck HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
  "an upload that its upstream does not take": [
    `POST /stuck HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`,
    UPLOAD_BYTES,
  ],
};

/** An upstream that takes the head of a request and nothing more until it is released. */
class StuckUpstream extends RawUpstream {
  heads = 0;
  readonly #release: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    super(async (connection) => {
      for (let head = await connection.head(); head !== undefined;) {
        this.heads++;
        if (!head.includes(" /ok ")) {
          await promise;
          return connection.end();
        }
        await connection.send(OK);
        head = await connection.head();
      }
    });
    this.#release = resolve;
  }

  /** Reads on, so that it notices connections that the gateway has closed. */
  release(): void {
    this.#release();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await super[Symbol.asyncDispose]();
  }
}

function config(listener: ListenerKind, upstream: number, proxy = ""): string {
  return `[server]
${listener === "cleartext" ? "" : "listen = []\ntls_"}listen = ["127.0.0.1:{port}"]
${LISTENERS[listener]}
[[vhosts]]
name = "a"
hosts = ["a.test"]
[vhosts.concurrency]
enabled = true
max_in_flight = ${PERMITS}
[vhosts.proxy]
upstream = "127.0.0.1:${upstream}"
${proxy}
`;
}

/** Limits of the upstream run ahead as well, and what they end is not what a departure ends. */
const PATIENT = "send_timeout_secs = 3600\nread_timeout_secs = 3600";

const FILES = {
  ...pairFiles("a", authority.issue({ name: "a.test" })),
  "tls/root.pem": authority.root,
};

async function connect(listener: ListenerKind, port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (listener === "cleartext") return conn;
  return await Deno.startTls(conn, { hostname: "a.test", caCerts: [authority.root] });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

async function readAll(conn: Deno.Conn, onBytes = () => {}): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    onBytes();
    text += decoder.decode(buffer.subarray(0, count));
  }
}

/** The status of a request that needs a permit. */
async function statusOf(listener: ListenerKind, port: number): Promise<string> {
  using conn = await connect(listener, port);
  await conn.write(
    encoder.encode("GET /ok HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"),
  );
  return (await readAll(conn)).slice(9, 12);
}

/**
 * Sends `head` and as much of `bytes` zeros as is taken.
 *
 * @returns Ends the client. One of the runtime's own that has something to say over TLS would stay.
 */
async function begin(
  listener: ListenerKind,
  port: number,
  head: string,
  bytes: number,
): Promise<() => void | Promise<void>> {
  if (listener === "cleartext" || bytes === 0) {
    const conn = await connect(listener, port);
    await conn.write(encoder.encode(head));
    void writeOn((piece) => conn.write(piece), bytes);
    return () => conn.close();
  }
  const client = new Deno.Command("bash", {
    args: ["-c", UPLOAD_OVER_TLS, "bash", head, `127.0.0.1:${port}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return async () => {
    client.kill("SIGKILL");
    await client.status;
  };
}

const UPLOAD_OVER_TLS = 'exec openssl s_client -quiet -servername a.test -connect "$2" ' +
  '< <(printf %s "$1"; exec cat /dev/zero)';

for (const listener of Object.keys(LISTENERS) as ListenerKind[]) {
  for (const [kind, what] of Object.entries(KINDS)) {
    testWith(
      ["openssl"],
      `${listener}: clients that leave after ${kind} leave nothing behind`,
      async () => {
        await using upstream = new StuckUpstream();
        await using gateway = await TestGateway.start(
          config(listener, upstream.port, PATIENT),
          FILES,
          PACED,
        );
        const [head, body] = typeof what === "string" ? [what, 0] : what;
        const leave: (() => void | Promise<void>)[] = [];
        for (let i = 0; i < PERMITS; i++) {
          leave.push(await begin(listener, gateway.port, head, body));
        }
        await until("all requests are at the upstream", () => upstream.heads === PERMITS);
        assert.equal(await statusOf(listener, gateway.port), "503");
        await Promise.all(leave.map((each) => each()));
        await until(
          "the permits are free again",
          async () => await statusOf(listener, gateway.port) === "200",
        );
        upstream.release();
        await until("the upstream's connections are closed", () => upstream.open <= 1);
      },
    );
  }
}

/** What a client has received so far. */
class Conversation {
  text = "";

  /** How many times the gateway has asked before an answer whether the client is still there. */
  get questions(): number {
    return this.text.split("x-wait: .").length - 1;
  }

  /** Reads until the connection ends or `isOver` holds. */
  async read(conn: Deno.Conn, isOver = () => false): Promise<string> {
    const buffer = new Uint8Array(65_536);
    while (!isOver()) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) break;
      this.text += decoder.decode(buffer.subarray(0, count));
    }
    return this.text;
  }
}

/** Sends `what`, ends the sending side, and gives what comes until the connection ends. */
async function halfClosed(
  listener: ListenerKind,
  port: number,
  what: string,
  heard: Conversation,
): Promise<string> {
  using conn = await connect(listener, port);
  await conn.write(encoder.encode(what));
  // `Deno.Conn` closes the sending side of TLS with close_notify.
  await conn.closeWrite();
  return await heard.read(conn);
}

/** Answers only after the gateway has asked the client of `heard` `times`. */
async function answerWhenAsked(
  connection: RawUpstreamConnection,
  heard: Conversation,
  times: number,
): Promise<void> {
  await until("the client was asked", () => heard.questions >= times);
  await connection.send(OK);
}

/** Goes on after each chunk only when the gateway has asked the client within the answer. */
async function chunksWhenAsked(
  connection: RawUpstreamConnection,
  heard: Conversation,
): Promise<void> {
  await until("the client was asked", () => heard.questions === 1);
  await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const piece of ["one", "two"]) {
    await connection.send(`3\r\n${piece}\r\n`);
    await until("it was asked again", () => heard.text.includes(`${piece}\r\n0`));
  }
  await connection.send("0\r\n\r\n");
}

for (const listener of Object.keys(LISTENERS) as ListenerKind[]) {
  Deno.test(`${listener}: a client that has ended its sending side gets its answers`, async () => {
    const inChunks = new Conversation();
    const inTwo = new Conversation();
    await using upstream = new RawUpstream(async (connection) => {
      let answers = 0;
      for (let head = await connection.head(); head !== undefined;) {
        if (head.includes(" /chunks ")) await chunksWhenAsked(connection, inChunks);
        else await answerWhenAsked(connection, inTwo, ++answers);
        head = await connection.head();
      }
    });
    await using gateway = await TestGateway.start(config(listener, upstream.port), FILES, PACED);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
    const [chunks, two] = await Promise.all([
      halfClosed(listener, gateway.port, get("/chunks"), inChunks),
      halfClosed(listener, gateway.port, get("/a") + get("/b"), inTwo),
    ]);
    assert.match(chunks, /^HTTP\/1.1 100 Continue\r\nx-wait: \.+\r\n\r\nHTTP\/1.1 200 /);
    assert.match(chunks, /\r\n\r\n0*3\r\none\r\n0*3\r\ntwo\r\n0+\r\n\r\n$/);
    const twice =
      /^(HTTP\/1.1 100 Continue\r\nx-wait: \.+\r\n\r\nHTTP\/1.1 200 OK\r\n[^]*?\r\n\r\nok){2}$/;
    assert.match(two, twice);
  });
}

Deno.test("a client that pipelines while an answer takes long gets all answers", async () => {
  const heard = new Conversation();
  await using upstream = new RawUpstream(async (connection) => {
    for (let head = await connection.head(); head !== undefined;) {
      // Of its first request the client has been asked by the beginning of the status line.
      await until("the client was asked", () => heard.text !== "");
      await connection.send(OK);
      head = await connection.head();
    }
  });
  await using gateway = await TestGateway.start(
    config("cleartext", upstream.port),
    FILES,
    PACED,
  );
  using conn = await connect("cleartext", gateway.port);
  const answers = () => heard.text.split("HTTP/1.1 200 OK").length - 1;
  const reading = heard.read(conn, () => answers() === 3);
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
  const post = "POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n";
  const sent = encoder.encode(get("/a") + post + "x".repeat(100_000) + get("/c"));
  for (let at = 0; at < sent.length;) at += await conn.write(sent.subarray(at));
  await reading;
  assert.equal(answers(), 3);
});

Deno.test("a client that leaves is noticed wherever its request waits, with its upload unread", async () => {
  await using upstream = new StuckUpstream();
  await using gateway = await TestGateway.start(
    config("cleartext", upstream.port) +
      `[[vhosts.routes]]
name = "queue"
path_prefix = "/queue"
[vhosts.routes.concurrency]
enabled = true
max_in_flight = 1
queue_timeout_ms = 60000
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
[[vhosts.routes]]
name = "auth"
path_prefix = "/auth"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.routes.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${upstream.port}/never"
read_timeout_secs = 600
`,
    {},
    PACED,
  );
  const upload = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n` + "x".repeat(150_000);
  using first = await RawClient.connect(gateway.port);
  await first.send("GET /queue/first HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until("the first is at the upstream", () => upstream.heads === 1);
  for (const path of ["/queue/second", "/auth"]) {
    const client = await RawClient.connect(gateway.port);
    await client.send(upload(path));
    client[Symbol.dispose]();
    assert.equal((await accessRecord(gateway, path)).status, null);
  }
});

for (const framing of ["Transfer-Encoding: chunked", "Content-Length: 9"]) {
  Deno.test(`a client that leaves a silent answer takes its upstream along, with ${framing}`, async () => {
    await using upstream = new RawUpstream(async (connection) => {
      await connection.head();
      await connection.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n3\r\none\r\n`);
      await connection.end();
    });
    await using gateway = await TestGateway.start(config("cleartext", upstream.port), {}, PACED);
    const conn = await connect("cleartext", gateway.port);
    await conn.write(encoder.encode("GET /silent HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!text.includes("one")) {
      text += decoder.decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
    }
    conn.close();
    await until("the upstream's connection is closed", () => upstream.open === 0);
    assert.equal((await accessRecord(gateway, "/silent")).error, true);
  });
}

testWith(
  ["curl"],
  "over HTTP/2 clients that leave during an upload leave nothing behind",
  async () => {
    await using upstream = new StuckUpstream();
    await using gateway = await TestGateway.start(
      config("tls by name", upstream.port, PATIENT),
      FILES,
      PACED,
    );
    const clients = Array.from({ length: PERMITS }, () =>
      new Deno.Command("curl", {
        args: uploadArguments(gateway),
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn());
    await until("all requests are at the upstream", () => upstream.heads === PERMITS);
    assert.equal(await statusOf("tls by name", gateway.port), "503");
    for (const client of clients) client.kill("SIGKILL");
    for (const client of clients) await client.status;
    await until(
      "the permits are free again",
      async () => await statusOf("tls by name", gateway.port) === "200",
    );
    upstream.release();
    await until("the upstream's connections are closed", () => upstream.open <= 1);
  },
);

for (const version of ["--http1.1", "--http2"]) {
  testWith(
    ["curl"],
    `an upload that its upstream does not take ends in time, with ${version}`,
    async () => {
      await using upstream = new StuckUpstream();
      await using gateway = await TestGateway.start(
        config("tls by name", upstream.port, "send_timeout_secs = 1"),
        FILES,
        PACED,
      );
      const { out } = await curl(
        gateway,
        ...uploadTo(gateway),
        version,
        "--write-out",
        "%{http_code}",
      );
      assert.equal(out, "502");
      assert.equal(await statusOf("tls by name", gateway.port), "200");
    },
  );
}

/** URL and arguments of an upload by curl. */
function uploadTo({ dir }: TestGateway): [url: string, ...args: string[]] {
  const path = dir.write("upload", new Uint8Array(UPLOAD_BYTES));
  return ["https://a.test/stuck", "--data-binary", `@${path}`];
}

function uploadArguments(gateway: TestGateway): string[] {
  const [url, ...args] = uploadTo(gateway);
  const to = `::127.0.0.1:${gateway.port}`;
  return ["--silent", "--insecure", "--http2", "--connect-to", to, ...args, url];
}

/** Writes zeros until all are written or they are not taken. */
async function writeOn(
  write: (piece: Uint8Array) => Promise<number>,
  bytes: number,
): Promise<void> {
  const zeros = new Uint8Array(65_536);
  try {
    while (bytes > 0) bytes -= await write(zeros.subarray(0, Math.min(bytes, zeros.length)));
  } catch {
    // The test has ended it.
  }
}

/** Reads nothing of a body before its client has been `asked` whether it is there. */
async function takeSlowly(
  connection: RawUpstreamConnection,
  asked: Promise<void>,
): Promise<void> {
  const head = await connection.head();
  await asked;
  if (head?.includes(" /hint ")) {
    await connection.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
  }
  await connection.bytes(UPLOAD_BYTES);
  await connection.send(OK);
  await connection.end();
}

for (
  const [what, path, expected] of [
    ["with the answer alone", "/", /^HTTP\/1\.1 200 OK\r\n(?!HTTP)[^]*\r\n\r\nok$/],
    [
      "with the upstream's hints first",
      "/hint",
      /^HTTP\/1\.1 103 [^]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    ],
  ] as const
) {
  for (const field of ["Accept: */*", "X-Forwarded-For: 192.0.2.1"]) {
    Deno.test(`an upload that its upstream takes slowly is answered ${what}, for ${field}`, async () => {
      const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
      await using upstream = new RawUpstream((connection) => takeSlowly(connection, asked));
      await using gateway = await TestGateway.start(config("cleartext", upstream.port), FILES);
      using conn = await connect("cleartext", gateway.port);
      // The first byte of a status line is the question.
      const answer = readAll(conn, isAsked);
      await conn.write(encoder.encode(
        `POST ${path} HTTP/1.1\r\nHost: a.test\r\n${field}\r\nConnection: close\r\n` +
          `Content-Length: ${UPLOAD_BYTES}\r\n\r\n`,
      ));
      await writeOn((piece) => conn.write(piece), UPLOAD_BYTES);
      // Many clients take an interim answer that they did not ask for as a fault, or for the last one.
      assert.doesNotMatch(await answer, /100 Continue/);
      assert.match(await answer, expected);
    });
  }
}
