/** Connections to upstreams across reloads: kept where nothing that they depend on has changed. */
import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

const authority = new TestAuthority();
const origin = authority.issue({ name: "origin.test" });
const client = authority.issue({ name: "gateway.test" });
const renewed = authority.issue({ name: "renewed.test" });

/** An upstream over TLS that counts connections and holds `/slow` until it is released. */
class TlsUpstream implements AsyncDisposable {
  accepted = 0;
  readonly held: (() => void)[] = [];
  readonly #sockets = new Set<Duplex>();
  readonly #server = createServer({ ...origin, keepAliveTimeout: 60_000 }, (request, response) => {
    if (request.url === "/slow") this.held.push(() => response.end("slow"));
    else response.end("quick");
  });

  constructor() {
    this.#server.on("connection", (socket) => {
      this.accepted++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function config(port: number): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 1
pid_file = "{dir}/fluxheim.pid"
[headers.response.set]
"x-generation" = "one"
[[vhosts]]
name = "shop"
hosts = ["127.0.0.1"]
[vhosts.proxy]
upstream = "127.0.0.1:${port}"
upstream_tls = true
upstream_sni = "origin.test"
upstream_ca_path = "{dir}/ca/root.pem"
upstream_client_cert_path = "{dir}/ca/client.pem"
upstream_client_key_path = "{dir}/ca/client.key"
`;
}

const FILES = {
  "ca/root.pem": authority.root,
  "ca/client.pem": client.cert,
  "ca/client.key": client.key,
};

/** Reloads, and waits until the gateway says that it serves by what there is now. */
async function reload(gateway: TestGateway, times: number): Promise<void> {
  gateway.process.signal("SIGHUP");
  const served = /reload: the new configuration serves/g;
  await until(
    "the reload serves",
    () => (gateway.process.output.match(served)?.length ?? 0) === times,
  );
}

async function get(gateway: TestGateway, path: string): Promise<[string, string | null]> {
  const response = await fetch(gateway.url(path));
  return [await response.text(), response.headers.get("x-generation")];
}

Deno.test("a reload keeps the connections of an upstream that it does not change, and no others", async () => {
  await using upstream = new TlsUpstream();
  await using gateway = await TestGateway.start(config(await upstream.listen()), FILES);
  assert.deepEqual(await get(gateway, "/"), ["quick", "one"]);
  assert.equal(upstream.accepted, 1);

  gateway.rewrite('"x-generation" = "one"', '"x-generation" = "two"');
  await reload(gateway, 1);
  assert.deepEqual(await get(gateway, "/"), ["quick", "two"]);
  assert.equal(upstream.accepted, 1, "the answer fields are no matter of the upstream's");

  // The paths stay; what the files hold does not.
  gateway.dir.write("ca/client.pem", renewed.cert);
  gateway.dir.write("ca/client.key", renewed.key);
  await reload(gateway, 2);
  assert.deepEqual(await get(gateway, "/"), ["quick", "two"]);
  assert.equal(upstream.accepted, 2, "the connection that showed the old certificate is not used");
  await until("one connection is left", () => upstream.open === 1);
});

Deno.test("a request that is under way when its upstream changes is answered on its old connection", async () => {
  await using upstream = new TlsUpstream();
  await using gateway = await TestGateway.start(config(await upstream.listen()), FILES);
  const slow = get(gateway, "/slow");
  await until("the slow request is there", () => upstream.held.length === 1);
  gateway.dir.write("ca/client.pem", renewed.cert);
  gateway.dir.write("ca/client.key", renewed.key);
  await reload(gateway, 1);
  assert.deepEqual(await get(gateway, "/"), ["quick", "one"]);
  assert.deepEqual([upstream.accepted, upstream.open], [2, 2]);
  upstream.held[0]();
  assert.deepEqual(await slow, ["slow", "one"]);
  await until("one connection is left", () => upstream.open === 1);
});
