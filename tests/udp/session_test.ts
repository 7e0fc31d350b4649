/** UDP sessions through the whole gateway (spec 01 section 11), with plain peers. */
import assert from "node:assert/strict";
import { freeUdpPort, UdpGateway, UdpPeer } from "../testing/datagrams.ts";
import { AdminGateway } from "../testing/admin.ts";
import { PACED } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

const encoder = new TextEncoder();

/** A server that repeats what it gets after its name. */
function named(name: string, port = 0): UdpPeer {
  return new UdpPeer((datagram) => [Uint8Array.of(...encoder.encode(`${name}:`), ...datagram)], {
    port,
  });
}

Deno.test("a client stays with its upstream, and others get the next one", async () => {
  using a = named("a");
  using b = named("b");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstreams = ["127.0.0.1:${a.port}", "127.0.0.1:${b.port}"]`,
  );
  using first = new UdpPeer();
  using second = new UdpPeer();
  for (const [i, client] of [first, second, first, second].entries()) {
    await client.send(`m${i}`, gateway.port);
    await client.texts(1 + (i >> 1));
  }
  const names = [first, second].map(({ received }) => received.map(({ text }) => text[0]).join(""));
  assert.deepEqual(names.sort(), ["aa", "bb"]);
  assert.deepEqual(await gateway.samples(), {
    "active_sessions": 2,
    "datagrams_total game_proxy downstream accepted": 4,
    "datagrams_total game_proxy upstream sent": 4,
    "datagrams_total game_proxy upstream accepted": 4,
    "datagrams_total game_proxy downstream sent": 4,
  });
});

Deno.test("a session ends when nothing has come for its idle time, and its place is free", async () => {
  using a = named("a");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nmax_sessions = 1
idle_timeout_secs = 5\nresponse_timeout_secs = 5`,
    { build: PACED },
  );
  using first = new UdpPeer();
  await first.send("x", gateway.port);
  await first.texts(1);
  using second = new UdpPeer();
  await second.send("y", gateway.port);
  await gateway.counts("drops_total max_sessions", 1);
  await gateway.counts("active_sessions", 0);
  await second.send("z", gateway.port);
  assert.deepEqual(await second.texts(1), ["a:z"]);
});

Deno.test("one address has a bounded number of sessions, and another one still gets its own", async () => {
  using a = named("a");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nmax_sessions_per_source = 2`,
  );
  using stack = new DisposableStack();
  const clients = Array.from({ length: 5 }, () => stack.use(new UdpPeer()));
  for (const client of clients) await client.send("x", gateway.port);
  await gateway.counts("drops_total max_sessions_per_source", 3);
  using other = new UdpPeer(undefined, { hostname: "127.0.0.9" });
  await other.send("y", gateway.port);
  assert.deepEqual(await other.texts(1), ["a:y"]);
});

Deno.test("too large a datagram is dropped in either direction, and never cut", async () => {
  using a = new UdpPeer((datagram) => [new Uint8Array(datagram[0])]);
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nmax_datagram_bytes = 100`,
  );
  using client = new UdpPeer();
  await client.send(new Uint8Array(101).fill(1), gateway.port);
  await gateway.counts("drops_total oversized_downstream", 1);
  await client.send(Uint8Array.of(101), gateway.port);
  await gateway.counts("drops_total oversized_upstream", 1);
  await client.send(new Uint8Array(100).fill(100), gateway.port);
  assert.equal((await client.texts(1))[0].length, 100);
  assert.equal(a.received.length, 2);
});

Deno.test("one address is sent a bounded number of datagrams a second", async () => {
  using a = new UdpPeer((datagram) => Array.from({ length: 50 }, () => datagram));
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nmax_responses_per_source_per_second = 10`,
  );
  using client = new UdpPeer();
  await client.send("x", gateway.port);
  await until("all have been judged", async () => {
    const samples = await gateway.samples();
    const sent = samples["datagrams_total game_proxy downstream sent"] ?? 0;
    return sent + (samples["drops_total response_rate_limited"] ?? 0) === 50;
  });
  // The answers may fall into two seconds.
  assert.ok(client.received.length <= 20, `${client.received.length}`);
});

Deno.test("what does not come from the session's upstream is ignored", async () => {
  using a = named("a");
  using stranger = new UdpPeer();
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"`,
  );
  using client = new UdpPeer();
  await client.send("x", gateway.port);
  await client.texts(1);
  await stranger.send("forged", a.received[0].from.port);
  await client.send("y", gateway.port);
  assert.deepEqual(await client.texts(2), ["a:x", "a:y"]);
});

Deno.test("an upstream that does not answer is left out, and others serve", async () => {
  const port = freeUdpPort();
  using good = named("good");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstreams = ["127.0.0.1:${port}", "127.0.0.1:${good.port}"]
upstream_aliases = ["dead", "good"]
response_timeout_secs = 2\nidle_timeout_secs = 5\npassive_health_failures = 1
passive_health_ejection_secs = 3600`,
    { build: PACED },
  );
  using stack = new DisposableStack();
  const clients = [0, 1].map(() => stack.use(new UdpPeer()));
  for (const client of clients) await client.send("x", gateway.port);
  await gateway.says(/dead has not answered 1 times and is left out/);
  for (let i = 0; i < 6; i++) {
    const client = stack.use(new UdpPeer());
    await client.send("y", gateway.port);
    assert.deepEqual(await client.texts(1), ["good:y"]);
  }
});

Deno.test("A28: where all are left out, one is tried anyway; an unreachable port costs no later datagram", async () => {
  const port = freeUdpPort();
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${port}"
response_timeout_secs = 2\nidle_timeout_secs = 5\npassive_health_failures = 1
passive_health_ejection_secs = 3600`,
    { build: PACED },
  );
  using client = new UdpPeer();
  await client.send("lost", gateway.port);
  await gateway.says(/is left out/);
  using late = named("late", port);
  await client.send("found", gateway.port);
  assert.deepEqual(await client.texts(1), ["late:found"]);
  assert.equal(late.received.length, 1);
});

Deno.test("a client that has closed its port disturbs no other one", async () => {
  using a = named("a");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"`,
  );
  for (let i = 0; i < 20; i++) {
    const gone = new UdpPeer();
    await gone.send("gone", gateway.port);
    gone[Symbol.dispose]();
    using client = new UdpPeer();
    await client.send(`here${i}`, gateway.port);
    assert.deepEqual(await client.texts(1), [`a:here${i}`]);
  }
});

Deno.test("clients outside of client_ranges are dropped, and IPv6 works by its addresses", async () => {
  using a = named("a");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nclient_ranges = ["127.0.0.8/30"]`,
  );
  using stranger = new UdpPeer();
  using client = new UdpPeer(undefined, { hostname: "127.0.0.9" });
  await stranger.send("x", gateway.port);
  await gateway.counts("drops_total other", 1);
  await client.send("y", gateway.port);
  assert.deepEqual(await client.texts(1), ["a:y"]);
  assert.equal(a.received.length, 1);
  await using six = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"`,
    { host: "[::1]" },
  );
  using local = new UdpPeer(undefined, { hostname: "::1" });
  await local.send("z", six.port, "::1");
  assert.deepEqual(await local.texts(1), ["a:z"]);
});

Deno.test("an IPv4 client of a listener for both families is judged by its IPv4 address", async () => {
  using a = named("a");
  await using gateway = await UdpGateway.start(
    `mode = "game-proxy"\nupstream = "127.0.0.1:${a.port}"\nclient_ranges = ["127.0.0.9"]`,
    { host: "[::]" },
  );
  using stranger = new UdpPeer();
  using client = new UdpPeer(undefined, { hostname: "127.0.0.9" });
  await stranger.send("x", gateway.port);
  await gateway.counts("drops_total other", 1);
  await client.send("y", gateway.port);
  assert.deepEqual(await client.texts(1), ["a:y"]);
  await gateway.says(/127\.0\.0\.9 has a session/);
});

Deno.test("the admin API shows the routes, and what becomes of their upstreams", async () => {
  using a = named("a");
  const port = freeUdpPort();
  await using gateway = await AdminGateway.start({
    tables: `[udp]
enabled = true
[[udp.routes]]
name = "games"
mode = "game-proxy"
listen = ["127.0.0.1:${port}"]
upstream = "127.0.0.1:${a.port}"
`,
  });
  using client = new UdpPeer();
  await client.send("x", port);
  await client.texts(1);
  const { status, body } = await gateway.get("/_fluxheim/udp/status");
  assert.equal(status, 200);
  assert.equal(body.udp.enabled, true);
  assert.equal(body.udp.route_count, 1);
  assert.deepEqual(body.udp.routes, [{
    name: "games",
    mode: "game-proxy",
    listeners: [`127.0.0.1:${port}`],
    listener_count: 1,
    upstream_count: 1,
    idle_timeout_secs: 30,
    response_timeout_secs: 3,
    max_datagram_bytes: 4096,
    max_sessions: 4096,
    max_sessions_per_source: 64,
    max_responses_per_source_per_second: 256,
    passive_health_enabled: true,
    passive_health_failures: 3,
    passive_health_ejection_secs: 10,
    public_exposure_warning: false,
    active_sessions: 1,
    upstreams: [{ name: `127.0.0.1:${a.port}`, ejected: false }],
  }]);
  assert.deepEqual((await gateway.get("/_fluxheim/status")).body.udp, body.udp);
});
