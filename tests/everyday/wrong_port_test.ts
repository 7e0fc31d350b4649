/** The right protocol on the wrong port. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";

async function pair(): Promise<Record<string, string>> {
  await using dir = new TempDir();
  const { success } = await new Deno.Command("openssl", {
    args: ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
      .concat("-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
      .concat("-keyout", `${dir.path}/key`, "-out", `${dir.path}/pem`),
    stderr: "null",
  }).output();
  assert.ok(success);
  return {
    pem: Deno.readTextFileSync(`${dir.path}/pem`),
    key: Deno.readTextFileSync(`${dir.path}/key`),
  };
}

/** All that comes back for `bytes`. */
async function answerTo(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const pieces: Uint8Array[] = [];
  socket.on("data", (piece) => pieces.push(piece));
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(bytes);
  await closed;
  return new TextDecoder().decode(await new Blob(pieces.map((p) => p.slice())).arrayBuffer());
}

Deno.test("HTTP on a TLS port gets a 400 that can be read, and TLS on a cleartext port is in the log", async () => {
  const tls = freePort();
  await using gateway = await TestGateway.start(
    `[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${tls}"]
[logging]
level = "info"
[tls]
enabled = true
[[tls.certificates]]
cert_path = "{dir}/pem"
key_path = "{dir}/key"
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
web.root = "{dir}/site"
`,
    { "site/index.html": "site", ...await pair() },
  );
  const body = "x".repeat(100);
  for (
    const request of [
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n${body}`,
    ]
  ) {
    const answer = await answerTo(tls, request);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /This port speaks HTTPS/);
  }
  assert.match(
    await answerTo(gateway.port, Uint8Array.of(22, 3, 1, 0, 5, 1, 0, 0, 1, 0)),
    /^HTTP\/1\.1 400 /,
  );
  await until(
    "the log names it",
    () => gateway.process.output.includes("a TLS handshake on a cleartext port"),
  );
});
