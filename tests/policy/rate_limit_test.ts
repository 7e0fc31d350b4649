import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { testWith, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

/** Two workers; the address a request comes from is what it says. */
function config(rateLimit: string): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[server.process]
threads = 2
[logging.access]
enabled = false
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
web = { root = "{dir}/site" }
rate_limit = { enabled = true, ${rateLimit} }
`;
}

const SITE = { "site/index.html": "welcome" };

function request(from: string): string {
  return `GET / HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: ${from}\r\n\r\n`;
}

/**
 * Sends `count` requests of one address over `connections`, as fast as answers come.
 *
 * @returns How often each status came, and between which two times all that lies from the first request that
 * was served to the last.
 */
async function flood(port: number, connections: number, count: number) {
  const started = performance.now();
  let firstAnswered = 0;
  let lastSent = 0;
  const statuses = new Map<number, number>();
  let left = count;
  await Promise.all(Array.from({ length: connections }, async () => {
    using client = await RawClient.connect(port);
    while (left-- > 0) {
      lastSent = performance.now();
      await client.send(request("198.51.100.1"));
      const answer = await client.answer();
      assert.ok(answer !== undefined);
      firstAnswered ||= performance.now();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  }));
  const most = (performance.now() - started) / 1000;
  return { statuses, least: (lastSent - firstAnswered) / 1000, most };
}

Deno.test("of 10,000 requests to two workers the limit allows burst and rate, to one percent", async () => {
  await using gateway = await TestGateway.start(
    config("requests_per_second = 200, burst = 2000"),
    SITE,
  );
  const { statuses, least, most } = await flood(gateway.port, 32, 10_000);
  const allowed = statuses.get(200) ?? 0;
  assert.equal(allowed + (statuses.get(429) ?? 0), 10_000);
  const [from, to] = [0.99 * (2000 + 200 * least), 1.01 * (2000 + 200 * most)];
  assert.ok(allowed >= from && allowed <= to, `${allowed} allowed, not ${from} to ${to}`);
});

Deno.test("a delayed request is answered when its token has come", async () => {
  await using gateway = await TestGateway.start(
    config('requests_per_second = 10, burst = 1, mode = "delay", max_delay_ms = 5000'),
    SITE,
  );
  const clients = await Promise.all(
    Array.from({ length: 2 }, () => RawClient.connect(gateway.port)),
  );
  const started = performance.now();
  for (const client of clients) await client.send(request("198.51.100.1"));
  for (const client of clients) assert.equal((await client.answer())?.status, 200);
  const took = performance.now() - started;
  assert.ok(took >= 95, `${took} ms`);
  for (const client of clients) client[Symbol.dispose]();
});

Deno.test("a request that waits for its token is in flight", async () => {
  const delaying = config(
    'requests_per_second = 1, burst = 1, mode = "delay", max_delay_ms = 5000',
  );
  await using gateway = await TestGateway.start(
    delaying + "concurrency = { enabled = true, max_in_flight = 1 }\n",
    SITE,
  );
  const statuses: (number | undefined)[] = [];
  using client = await RawClient.connect(gateway.port);
  await client.send(request("198.51.100.1").repeat(4));
  statuses.push((await client.answer())?.status);
  // The others sleep now, one after the other, with the only permit: no request of another client is let in
  // meanwhile. Each comes from another address, since one that was let in before would wait for a token as well.
  using other = await RawClient.connect(gateway.port);
  let address = 2;
  await until("another client is refused", async () => {
    await other.send(request(`198.51.100.${address++ % 256}`));
    return (await other.answer())?.status === 503;
  });
  for (let i = 0; i < 3; i++) statuses.push((await client.answer())?.status);
  await other.send(request("203.0.113.3"));
  statuses.push((await other.answer())?.status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
});

testWith(["curl"], "a refusal says when to come again", async () => {
  await using gateway = await TestGateway.start(
    config("requests_per_second = 1, burst = 1, status = 503"),
    SITE,
  );
  const ask = async () => {
    const args = ["-si", "-H", "Host: shop.test", gateway.url("/")];
    const { stdout } = await new Deno.Command("curl", { args }).output();
    return new TextDecoder().decode(stdout);
  };
  assert.match(await ask(), /^HTTP\/1\.1 200 /);
  const refused = await ask();
  assert.match(refused, /^HTTP\/1\.1 503 /);
  assert.match(refused, /^retry-after: 1\r$/m);
  assert.match(refused, /rate limited$/);
});
