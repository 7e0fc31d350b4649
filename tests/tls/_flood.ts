/**
 * A client that sends or takes as fast as it can and never stops, and the upstream behind the gateway, which
 * does so, too. Run by `flood_test.ts`; prints a line when the flood is under way.
 */
const HOST = "127.0.0.1";
/** So many bytes have moved when the flood is under way. */
const UNDER_WAY_BYTES = 8 * 1024 * 1024;

const [kind, upstreamPort, gatewayPort, root] = Deno.args;
const encoder = new TextEncoder();

function head(start: string, ...fields: string[]): Uint8Array {
  return encoder.encode([start, "Host: localhost", ...fields, "", ""].join("\r\n"));
}

const ENDLESS = 2 ** 50;
const CHUNK = `100\r\n${"a".repeat(256)}\r\n`;
const GET_PAGE = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/** What is sent first, and then again and again. */
const KINDS: Readonly<Record<string, readonly [Uint8Array, Uint8Array]>> = {
  upload: [
    head("POST /up HTTP/1.1", `Content-Length: ${ENDLESS}`),
    new Uint8Array(256 * 1024),
  ],
  chunks: [
    head("POST /up HTTP/1.1", "Transfer-Encoding: chunked"),
    encoder.encode(CHUNK.repeat(1000)),
  ],
  pipeline: [new Uint8Array(0), encoder.encode(GET_PAGE.repeat(4000))],
  downloads: [
    new Uint8Array(0),
    encoder.encode("GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(8)),
  ],
  upstream: [head("GET /up HTTP/1.1"), new Uint8Array(0)],
  tunnel: [head("GET /up HTTP/1.1", ...UPGRADE, KEY), new Uint8Array(256 * 1024)],
};

let moved = 0;
function count(bytes: number): void {
  if (moved < UNDER_WAY_BYTES && moved + bytes >= UNDER_WAY_BYTES) console.log("under way");
  moved += bytes;
}

async function takeAll(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let got; (got = await connection.read(buffer)) !== null;) count(got);
}

async function sendAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  count(bytes.length);
}

const ACCEPT = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

async function answer(connection: Deno.Conn): Promise<void> {
  const first = new Uint8Array(4096);
  await connection.read(first);
  if (kind === "tunnel") {
    const fields = ["Connection: Upgrade", "Upgrade: websocket", ACCEPT];
    await sendAll(connection, head("HTTP/1.1 101 Switching Protocols", ...fields));
  } else if (kind === "upstream") {
    await sendAll(connection, head("HTTP/1.1 200 OK", `Content-Length: ${ENDLESS}`));
    for (;;) await sendAll(connection, new Uint8Array(256 * 1024));
  }
  await takeAll(connection);
}

const upstream = Deno.listen({ hostname: HOST, port: Number(upstreamPort) });
void (async () => {
  for await (const connection of upstream) answer(connection).catch(() => {});
})();

async function connect(): Promise<Deno.Conn> {
  const options = { hostname: HOST, port: Number(gatewayPort) };
  if (root === undefined) return await Deno.connect(options);
  return await Deno.connectTls({ ...options, caCerts: [Deno.readTextFileSync(root)] });
}

const client = await connect();
const [first, rest] = KINDS[kind];
await sendAll(client, first);
const taking = takeAll(client);
if (rest.length === 0) await taking;
else for (;;) await sendAll(client, rest);
