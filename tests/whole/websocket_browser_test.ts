/** A page that a browser gets from the gateway opens a WebSocket through it. */
import assert from "node:assert/strict";
import { Chromium } from "../peers/chromium.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { testWith, until } from "../testing/peer.ts";

const PAGE = `<!doctype html><title>chat</title><script type="module">
const scheme = location.protocol === "https:" ? "wss" : "ws";
const socket = new WebSocket(scheme + "://" + location.host + "/chat", "shout");
socket.binaryType = "arraybuffer";
const heard = [];
socket.onopen = () => { socket.send("hello"); socket.send(new Uint8Array(300_000).fill(7)); };
socket.onmessage = ({ data }) => {
  heard.push(typeof data === "string" ? data : data.byteLength);
  if (heard.length === 2) socket.close(4001, "done");
};
const tell = (event) => fetch("/chat/told", { method: "POST", body: JSON.stringify({
  heard, protocol: socket.protocol, type: event.type, code: event.code, clean: event.wasClean,
}) });
socket.onclose = tell;
</script>`;

const EXPECTED = {
  heard: ["HELLO", 300_000],
  protocol: "shout",
  type: "close",
  code: 4001,
  clean: true,
};

/** Vhost with the page and the chat. */
const VHOST = `[[vhosts]]
name = "app"
hosts = ["127.0.0.1", "localhost"]
[vhosts.web]
root = "{dir}/site"
[[vhosts.routes]]
name = "chat"
path_prefix = "/chat"
[vhosts.routes.proxy]
upstream = "127.0.0.1:{chat}"
websocket = true
`;

/** The chat: shouts back, and remembers what the page told. */
function chat() {
  const told: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method === "POST") {
      told.push(await request.json());
      return new Response();
    }
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "shout" });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      socket.send(typeof data === "string" ? data.toUpperCase() : data);
    };
    return response;
  });
  return { told, server, port: server.addr.port };
}

testWith(["chromium"], "a browser's WebSocket goes through the gateway", async () => {
  const { told, server, port } = chat();
  await using gateway = await TestGateway.start(
    `[server]\nlisten = ["127.0.0.1:{port}"]\n${VHOST.replace("{chat}", String(port))}`,
    { "site/index.html": PAGE },
  );
  {
    await using _browser = new Chromium(gateway.url("/"));
    await until("the page has told", () => told.length > 0);
  }
  assert.deepEqual(told[0], EXPECTED);
  await server.shutdown();
});

testWith(["chromium"], "and through TLS, where pages come over HTTP/2", async () => {
  await using certificate = new TestCertificate();
  const { told, server, port } = chat();
  await using gateway = await TestGateway.start(
    `[server]\nlisten = []\ntls_listen = ["127.0.0.1:{port}"]\n${certificate.tables}${
      VHOST.replace("{chat}", String(port))
    }`,
    { "site/index.html": PAGE },
  );
  {
    const url = `https://localhost:${gateway.port}/`;
    await using _browser = new Chromium(url, ["--ignore-certificate-errors"]);
    await until("the page has told", () => told.length > 0);
  }
  assert.deepEqual(told[0], EXPECTED);
  await server.shutdown();
});
