/** The configurations in docs/tls.md and docs/http2.md, each served and met by curl. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { testWith } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";
import { authority, curl } from "./testing/tls_site.ts";

const HOST = "shop.example";
const server = authority.issue({ name: HOST, names: [HOST, "*.shop.example"] });
const client = authority.issue({ name: "client" });

const FILES = {
  "tls/root.pem": authority.root,
  "tls/default.pem": server.cert,
  "tls/default.key": server.key,
  "tls/shop.pem": server.cert,
  "tls/shop.key": server.key,
  "tls/cert.pem": server.cert,
  "tls/key.pem": server.key,
  "tls/clients.pem": authority.root,
  "tls/client.pem": client.cert,
  "tls/client.key": client.key,
  "site/index.html": "hello",
};

/** The TOML of a document, with files and ports of the test's. */
function examples(name: string): string[] {
  const text = Deno.readTextFileSync(new URL(`../../docs/${name}`, import.meta.url));
  return [...text.matchAll(/^```toml\n(.*?)^```/gms)].map(([, toml]) =>
    toml.replaceAll("/etc/fluxheim/tls/", "{dir}/tls/").replaceAll(
      "0.0.0.0:443",
      "127.0.0.1:{port}",
    )
  );
}

const WEB = `[vhosts.web]\nroot = "{dir}/site"\n`;
const VHOST = `[[vhosts]]\nname = "shop"\nhosts = ["${HOST}"]\n`;
const STATUS = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];

testWith(["curl"], "docs/tls.md: certificates by name, and client certificates", async () => {
  const [names, clients, ...more] = examples("tls.md");
  assert.deepEqual(more, []);
  {
    await using gateway = await TestGateway.start(`${names}${WEB}`, FILES);
    assert.equal((await curl(gateway, `https://${HOST}/`)).out, "hello");
    assert.equal((await curl(gateway, `https://www.${HOST}/`)).out, "hello");
  }
  const [fingerprint] = /[0-9a-f]{64}/.exec(clients) ?? [""];
  const known = clients.replace(fingerprint, client.sha256);
  await using gateway = await TestGateway.start(`${names}${WEB}${known}`, FILES);
  const { path } = gateway.dir;
  const certificate = ["--cert", `${path}/tls/client.pem`, "--key", `${path}/tls/client.key`];
  assert.equal((await curl(gateway, `https://${HOST}/`, ...STATUS)).out, "403 2");
  const { out, err } = await curl(gateway, `https://${HOST}/`, ...STATUS, ...certificate);
  assert.equal(out, "200 2", err);
});

testWith(["curl"], "docs/http2.md: HTTP/2 for clients, and to an upstream", async () => {
  const [listener, route, ...more] = examples("http2.md");
  assert.deepEqual(more, []);
  await using upstream = await Upstream.start((request, response) =>
    void response.end(`${request.httpVersion} ${request.url}`)
  );
  // The upstream of the document speaks TLS; which way it is reached is for other tests.
  const plain = route.replace("10.0.0.5:8443", `127.0.0.1:${upstream.port}`)
    .replace(/^upstream_(tls|sni|http_version|h2_\w+) = .*\n/gm, "");
  for (const text of [route, plain]) {
    await using gateway = await TestGateway.start(`${listener}${VHOST}${WEB}${text}`, FILES);
    assert.equal((await curl(gateway, `https://${HOST}/`, ...STATUS)).out, "200 2");
    if (text === route) continue;
    assert.equal((await curl(gateway, `https://${HOST}/api/x`)).out, "1.1 /api/x");
  }
});
