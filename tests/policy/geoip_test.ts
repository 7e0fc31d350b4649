import assert from "node:assert/strict";
import { mmdbFile } from "../../src/modules/geoip/testing/mmdb.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[geoip]
enabled = true
databases = [
  { provider = "maxmind", path = "{dir}/country.mmdb" },
  { provider = "maxmind", path = "{dir}/asn.mmdb" },
]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
web = { root = "{dir}/site" }
access = { deny_countries = ["SE"] }
[[vhosts.routes]]
name = "partners"
path_prefix = "/partners"
access = { allow_asns = [64500] }
web = { root = "{dir}/site" }
`;

/** Countries of three test networks; where the first one is, the test says. */
function countries(first: string): Uint8Array {
  return mmdbFile({
    type: "GeoLite2-Country",
    networks: {
      "192.0.2.0/24": { country: { iso_code: first } },
      "198.51.100.0/24": { country: { iso_code: "NO" } },
      "2001:db8::/32": { country: { iso_code: "SE" } },
    },
  });
}

const ASNS = mmdbFile({
  type: "GeoLite2-ASN",
  networks: { "198.51.100.0/25": { autonomous_system_number: 64500 } },
});

const FILES = {
  "site/index.html": "welcome",
  "site/partners/index.html": "partners",
  "country.mmdb": countries("SE"),
  "asn.mmdb": ASNS,
};

async function statusOf(port: number, path: string, from: string): Promise<number | undefined> {
  using client = await RawClient.connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: ${from}\r\n\r\n`);
  return (await client.answer())?.status;
}

Deno.test("clients are let in by country and network, and the log tells both", async () => {
  await using gateway = await TestGateway.start(CONFIG, FILES);
  const { port, process } = gateway;
  assert.equal(await statusOf(port, "/", "192.0.2.1"), 403);
  assert.equal(await statusOf(port, "/", "2001:db8::1"), 403);
  assert.equal(await statusOf(port, "/", "203.0.113.1"), 200);
  assert.equal(await statusOf(port, "/partners/", "198.51.100.1"), 200);
  assert.equal(await statusOf(port, "/partners/", "198.51.100.200"), 403);
  const logged = (text: string) => until(`${text} is logged`, () => process.output.includes(text));
  await logged('"geo_country":"SE","geo_asn":null');
  await logged('"geo_country":"NO","geo_asn":64500');
  await logged('"geo_country":"","geo_asn":null');
});

Deno.test("an upstream learns where a client is, whatever the client claims", async () => {
  const heads: string[] = [];
  await using upstream = await Upstream.start((request, response) => {
    const { "x-country": country, "x-asn": asn } = request.headers;
    heads.push(`${country ?? "none"} ${asn ?? "none"}`);
    response.end();
  });
  const told = `
[[vhosts]]
name = "told"
hosts = ["told.test"]
[[vhosts.routes]]
name = "app"
path_prefix = "/"
proxy = { upstream = "127.0.0.1:${upstream.port}" }
headers.request.set = { x-country = "{geo.country}", x-asn = "{geo.asn}" }
`;
  await using gateway = await TestGateway.start(CONFIG + told, FILES);
  for (const from of ["198.51.100.1", "198.51.100.200", "203.0.113.1"]) {
    using client = await RawClient.connect(gateway.port);
    const lines = ["host: told.test", `x-forwarded-for: ${from}`, "x-country: XX", "x-asn: 1"];
    await client.send(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    assert.equal((await client.answer())?.status, 200);
  }
  // What is not known is removed, the client's own field with it.
  assert.deepEqual(heads, ["NO 64500", "NO none", "none none"]);
});

Deno.test("a database that is replaced holds for later requests, a bad one does not", async () => {
  await using gateway = await TestGateway.start(CONFIG, FILES);
  const { port, dir, process } = gateway;
  assert.equal(await statusOf(port, "/", "192.0.2.1"), 403);
  replace("country.mmdb", countries("DK"));
  await until("it is let in", async () => await statusOf(port, "/", "192.0.2.1") === 200);
  replace("country.mmdb", new Uint8Array(1000));
  const refused = `${dir.path}/country.mmdb is not a MaxMind DB (MMDB) file; the one in use stays`;
  await until("it is refused", () => process.output.includes(refused));
  assert.equal(await statusOf(port, "/", "192.0.2.1"), 200);

  function replace(name: string, content: Uint8Array): void {
    Deno.renameSync(dir.write(`${name}.new`, content), `${dir.path}/${name}`);
  }
});

Deno.test("the program does not start with a file that is no database", async () => {
  await assert.rejects(
    TestGateway.start(CONFIG, { ...FILES, "asn.mmdb": "no database" }),
    /asn\.mmdb is not a MaxMind DB \(MMDB\) file/,
  );
});
