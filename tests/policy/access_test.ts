import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
web = { root = "{dir}/site" }
access = { deny = ["192.0.2.0/24", "2001:db8:bad::/48"] }
[[vhosts.routes]]
name = "admin"
path_prefix = "/admin"
access = { allow = ["198.51.100.7", "192.0.2.7"] }
web = { root = "{dir}/site" }
`;

const SITE = { "site/index.html": "welcome", "site/admin/index.html": "admin" };

/** Status of a GET from an address, as a trusted proxy tells it. */
async function statusOf(port: number, path: string, from: string): Promise<number | undefined> {
  using client = await RawClient.connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: ${from}\r\n\r\n`);
  return (await client.answer())?.status;
}

Deno.test("vhost and route must both let a client in", async () => {
  await using gateway = await TestGateway.start(CONFIG, SITE);
  const { port } = gateway;
  assert.equal(await statusOf(port, "/", "198.51.100.9"), 200);
  assert.equal(await statusOf(port, "/", "192.0.2.7"), 403);
  assert.equal(await statusOf(port, "/", "2001:db8:bad::1"), 403);
  assert.equal(await statusOf(port, "/", "2001:DB8:0bad:0:0::1"), 403);
  assert.equal(await statusOf(port, "/", "::ffff:192.0.2.1"), 403);
  assert.equal(await statusOf(port, "/admin/", "198.51.100.9"), 403);
  assert.equal(await statusOf(port, "/admin/", "198.51.100.7"), 200);
  assert.equal(await statusOf(port, "/admin/", "192.0.2.7"), 403);
});

Deno.test("another spelling of a path does not get around the rules of its route", async () => {
  await using gateway = await TestGateway.start(CONFIG, SITE);
  assert.equal(await statusOf(gateway.port, "/%61dmin/", "198.51.100.9"), 403);
  assert.equal(await statusOf(gateway.port, "/adm%69n/", "198.51.100.7"), 200);
});

Deno.test("a port behind an address changes nothing, and what is not an address is logged once", async () => {
  await using gateway = await TestGateway.start(CONFIG, SITE);
  const { port } = gateway;
  assert.equal(await statusOf(port, "/", "192.0.2.7:50000"), 403);
  assert.equal(await statusOf(port, "/", "[2001:db8:bad::1]:50000"), 403);
  const isWarning = (line: string) =>
    line.includes("x-forwarded-for of the trusted proxy 127.0.0.1");
  const warnings = () => gateway.process.output.split("\n").filter(isWarning).length;
  assert.equal(warnings(), 0);
  for (const from of ["unknown", "198.51.100.9, 192.0.2.7:x"]) {
    assert.equal(await statusOf(port, "/", from), 200);
  }
  await until("the warning is logged", () => warnings() === 1);
});
