/** Pools of real upstreams: selection, caps, queue, health by traffic, retries and sessions. */
import assert from "node:assert/strict";
import type { Responder } from "../testing/upstream.ts";
import { until } from "../testing/peer.ts";
import { Balanced } from "../testing/balanced.ts";

const QUIET = "[proxy.load_balance.health_check]\nenabled = false\n";

Deno.test("two members alternate", async () => {
  await using pool = await Balanced.start(2, QUIET);
  const answers: string[] = [];
  for (let i = 0; i < 6; i++) answers.push((await pool.get()).text);
  assert.notEqual(answers[0], answers[1]);
  assert.deepEqual(answers.slice(2), answers.slice(0, 4));
});

Deno.test("turns are exact over two workers", async () => {
  await using pool = await Balanced.start(4, QUIET, { threads: 2 });
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 50; i++) await pool.get();
    }),
  );
  assert.deepEqual(pool.members.map(({ seen }) => seen.length), [100, 100, 100, 100]);
});

Deno.test("a member whose port is closed is left out by the probes, and comes back", async () => {
  await using pool = await Balanced.start(2, "");
  const [first, second] = pool.members;
  await first[Symbol.asyncDispose]();
  await until("a probe has failed", () => pool.gateway.process.output.includes("is unhealthy"));
  for (let i = 0; i < 6; i++) assert.equal((await pool.get()).status, 200);
  await second[Symbol.asyncDispose]();
  await until("all are down", async () => (await pool.get()).text === "no upstream is available");
  assert.equal((await pool.get()).status, 502);
});

function held(release: Promise<void>): (i: number) => Responder {
  return (i) => async (request, response) => {
    if (request.url === "/slow") await release;
    response.end(`m${i}`);
  };
}

const CAPPED = `
upstream_max_in_flight = [1, 1]
[proxy.load_balance]
all_down_status = 503
${QUIET}`;

Deno.test("no member gets more than its cap, and a full pool answers all_down_status", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using pool = await Balanced.start(2, CAPPED, { respond: held(promise), threads: 2 });
  const slow = [pool.get("/slow"), pool.get("/slow")];
  await until("both members are busy", () => pool.members.every(({ seen }) => seen.length === 1));
  assert.equal((await pool.get()).status, 503);
  resolve();
  for (const { status } of await Promise.all(slow)) assert.equal(status, 200);
  await until("a place is free", async () => (await pool.get()).status === 200);
  const both = await Promise.all([pool.get(), pool.get()]);
  assert.deepEqual(both.map(({ status }) => status), [200, 200]);
});

const QUEUED = `
upstream_max_in_flight = [1, 1]
[proxy.load_balance]
all_down_status = 503
[proxy.load_balance.queue]
max_waiting = 1
timeout_ms = 60000
retry_interval_ms = 1000
${QUIET}`;

Deno.test("a request waits for a place, and one more than may wait does not", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using pool = await Balanced.start(2, QUEUED, { respond: held(promise), threads: 2 });
  const slow = [pool.get("/slow"), pool.get("/slow")];
  await until("both members are busy", () => pool.members.every(({ seen }) => seen.length === 1));
  const waiting = [pool.get(), pool.get()];
  const first = await Promise.race(waiting);
  assert.equal(first.status, 503);
  resolve();
  await Promise.all(slow);
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 503]);
});

const RETRIED = `
[proxy.load_balance.retry]
enabled = true
max_retries = 2
statuses = [503]
${QUIET}`;

Deno.test("a request that no member has seen goes to another one, whatever its method", async () => {
  await using pool = await Balanced.start(3, RETRIED);
  await pool.members[1][Symbol.asyncDispose]();
  for (let i = 0; i < 9; i++) {
    const { status } = await pool.get("/", { method: i % 2 === 0 ? "POST" : "GET" });
    assert.equal(status, 200);
  }
});

Deno.test("an answer that is listed is asked for elsewhere, and only for methods without effect", async () => {
  const respond = (i: number): Responder => (_, response) => {
    response.statusCode = i === 1 ? 200 : 503;
    response.end(`m${i}`);
  };
  await using pool = await Balanced.start(3, RETRIED, { respond });
  for (let i = 0; i < 6; i++) assert.equal((await pool.get()).status, 200);
  const posts = await Promise.all(
    Array.from({ length: 3 }, () => pool.get("/", { method: "POST" })),
  );
  assert.deepEqual(posts.map(({ status }) => status).toSorted(), [200, 503, 503]);
});

Deno.test("the budget of retries holds for all workers", async () => {
  const respond = (): Responder => (_, response) => {
    response.statusCode = 503;
    response.end();
  };
  const keys = RETRIED.replace(
    "statuses",
    "budget_per_window = 10\nbudget_window_secs = 3600\nstatuses",
  );
  await using pool = await Balanced.start(2, keys, { respond, threads: 2 });
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 5; i++) assert.equal((await pool.get()).status, 503);
    }),
  );
  const asked = pool.members.reduce((sum, { seen }) => sum + seen.length, 0);
  assert.equal(asked, 40 + 10);
});

const EJECTING = `
[proxy.load_balance.passive_health]
enabled = true
consecutive_failure = 3
ejection_secs = 3600
${QUIET}`;

Deno.test("a member that fails again and again gets no more requests", async () => {
  const respond = (i: number): Responder => (_, response) => {
    response.statusCode = i === 0 ? 500 : 200;
    response.end(`m${i}`);
  };
  await using pool = await Balanced.start(2, EJECTING, { respond, threads: 2 });
  for (let i = 0; i < 20; i++) await pool.get();
  const counts = pool.members.map(({ seen }) => seen.length);
  assert.deepEqual(counts.toSorted((a, b) => a - b), [3, 17]);
  await until("it is logged", () => /is ejected/.test(pool.gateway.process.output));
});

Deno.test("an answer that breaks off is a failure of its member", async () => {
  const respond = (i: number): Responder => (_, response) => {
    if (i !== 0) return void response.end("ok");
    response.setHeader("content-length", 100);
    response.write("ten bytes.", () => response.destroy());
  };
  await using pool = await Balanced.start(2, EJECTING, { respond });
  let broken = 0;
  for (let i = 0; i < 20; i++) await pool.get().catch(() => broken++);
  assert.equal(broken, 3);
});

Deno.test("clients that leave say nothing about a member", async () => {
  const respond = (): Responder => (request, response) => {
    if (request.url === "/never") return;
    response.statusCode = 500;
    response.end();
  };
  const keys = EJECTING.replace(
    "consecutive_failure = 3",
    "consecutive_failure = 3\nmin_healthy_backends = 0",
  );
  await using pool = await Balanced.start(2, keys, { respond });
  for (let i = 0; i < 8; i++) {
    const abort = new AbortController();
    const before = pool.members.reduce((sum, { seen }) => sum + seen.length, 0);
    const asked = pool.get("/never", { signal: abort.signal }).catch(() => {});
    await until(
      "a member is asked",
      () => pool.members.reduce((sum, { seen }) => sum + seen.length, 0) > before,
    );
    abort.abort();
    await asked;
  }
  // Two more of each: not ejected. One more: ejected.
  for (let i = 0; i < 4; i++) assert.equal((await pool.get()).status, 500);
  assert.doesNotMatch(pool.gateway.process.output, /is ejected/);
  for (let i = 0; i < 2; i++) assert.equal((await pool.get()).status, 500);
  assert.equal((await pool.get()).status, 502);
});

Deno.test("a managed cookie keeps a client with its member", async () => {
  await using pool = await Balanced.start(
    3,
    `[proxy.load_balance.persistence]
enabled = true
mode = "managed-cookie"
cookie = "lb"
${QUIET}`,
    { threads: 2 },
  );
  const { response, text } = await pool.get();
  const set = response.headers.get("set-cookie") ?? "";
  assert.match(set, /^lb=[\w-]{64}; Path=\/; Max-Age=300; HttpOnly; Secure; SameSite=Lax$/);
  const cookie = set.split(";")[0];
  for (let i = 0; i < 8; i++) {
    const again = await pool.get("/", { headers: { cookie } });
    assert.equal(again.text, text);
    assert.equal(again.response.headers.get("set-cookie"), null);
  }
  const others = new Set<string>();
  for (let i = 0; i < 6; i++) others.add((await pool.get()).text);
  assert.equal(others.size, 3);
  const foreign = await pool.get("/", { headers: { cookie: `lb=${"A".repeat(64)}` } });
  assert.ok(foreign.response.headers.has("set-cookie"));
});

Deno.test("a header keeps clients apart, by hash and by session", async () => {
  for (
    const keys of [
      '[proxy.load_balance]\nselection = "consistent-header-hash"\nhash_header = "x-user"\n',
      '[proxy.load_balance.persistence]\nenabled = true\nmode = "header"\nheader = "x-user"\n',
    ]
  ) {
    await using pool = await Balanced.start(3, keys + QUIET);
    const seen = new Set<string>();
    for (let user = 0; user < 60; user++) {
      const headers = { "x-user": `user ${user}` };
      const { text } = await pool.get("/", { headers });
      seen.add(text);
      assert.equal((await pool.get("/", { headers })).text, text);
    }
    assert.equal(seen.size, 3);
  }
});

Deno.test("a reload keeps the turn, the ejections and the sessions of a pool", async () => {
  const respond = (i: number): Responder => (_, response) => {
    response.statusCode = i === 0 ? 500 : 200;
    response.end(`m${i}`);
  };
  await using pool = await Balanced.start(3, EJECTING, { respond });
  for (let i = 0; i < 12; i++) await pool.get();
  const failing = pool.members.find(({ seen }) => seen.length === 3)!;
  assert.ok(failing);
  pool.gateway.rewrite("ejection_secs = 3600", "ejection_secs = 3599");
  pool.gateway.process.signal("SIGHUP");
  await until("the reload is over", () => /reload/i.test(pool.gateway.process.output));
  for (let i = 0; i < 12; i++) assert.equal((await pool.get()).status, 200);
  assert.equal(failing.seen.length, 3);
});

/** The example of spec 03 section 21, but for its admin and metrics tables. */
const ENTERPRISE = `
upstream_aliases = ["app-a", "app-b", "app-c", "app-dr"]
upstream_tags = [["blue", "primary"], ["blue", "primary"], ["green", "canary"], ["dr"]]
upstream_weights = [4, 4, 2, 1]
upstream_priority_groups = [100, 100, 50, 10]
upstream_priority_group_min_active = 2
upstream_localities = ["site-a", "site-a", "site-b", "site-dr"]
preferred_upstream_localities = ["site-a"]
upstream_max_in_flight = [500, 500, 250, 100]
backup_upstreams = ["{3}"]
drain_upstreams = ["{2}"]
disabled_upstreams = []
upstream_tls = false
connect_timeout_secs = 3
read_timeout_secs = 30
send_timeout_secs = 30
downstream_write_timeout_secs = 30
[proxy.load_balance]
selection = "least-time"
max_iterations = 256
all_down_status = 503
[proxy.load_balance.health_check]
enabled = true
protocol = "http"
interval_secs = 1
consecutive_success = 2
consecutive_failure = 3
parallel = true
method = "GET"
path = "/healthz"
expected_statuses = [200, 204]
expected_status_ranges = [{ start = 200, end = 299 }]
expected_headers = [{ name = "x-fluxheim-health", value = "ready" }]
expected_body_contains = ["ready"]
reuse_connection = true
connect_timeout_secs = 30
read_timeout_secs = 30
[proxy.load_balance.passive_health]
enabled = true
consecutive_failure = 3
ejection_secs = 30
min_healthy_backends = 1
failure_statuses = [500, 502, 503]
failure_status_ranges = [{ start = 520, end = 529 }]
max_latency_ms = 60000
[proxy.load_balance.slow_start]
enabled = true
duration_secs = 30
[proxy.load_balance.persistence]
enabled = true
mode = "managed-cookie"
cookie = "fluxheim_lb"
ttl_secs = 600
table_max_entries = 65536
managed_cookie_path = "/"
managed_cookie_secure = true
managed_cookie_http_only = true
managed_cookie_same_site = "lax"
[proxy.load_balance.retry]
enabled = true
max_retries = 2
methods = ["GET", "HEAD", "OPTIONS"]
statuses = [500, 502, 503]
status_ranges = [{ start = 520, end = 529 }]
budget_per_window = 1000
budget_window_secs = 1
[proxy.load_balance.queue]
max_waiting = 512
timeout_ms = 250
retry_interval_ms = 10
`;

Deno.test("the enterprise example serves from one tier after another as members go", async () => {
  const down = new Set<number>();
  const respond = (): Responder => (request, response) => {
    const port = request.socket.localPort!;
    if (request.url !== "/healthz") return void response.end(`${port}`);
    if (down.has(port)) response.statusCode = 500;
    response.setHeader("x-fluxheim-health", "ready");
    response.end("ready");
  };
  await using pool = await Balanced.start(4, ENTERPRISE, { respond, threads: 2 });
  const [a, b, c, dr] = pool.members.map(({ port }) => port);
  const served = async () => {
    const found = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const { status, text } = await pool.get();
      found.add(status === 200 ? text : `${status}`);
    }
    return [...found].sort();
  };
  const only = async (...ports: number[]) => {
    const expected = ports.map(String).sort();
    await until(`${ports} serve`, async () => `${await served()}` === `${expected}`);
  };
  for (const port of await served()) assert.ok([`${a}`, `${b}`].includes(port), port);
  down.add(a);
  await only(b);
  down.add(b);
  await only(dr);
  down.add(dr);
  await until("all are down", async () => `${await served()}` === "503");
  for (const port of [a, b, dr]) down.delete(port);
  await until("the first tier is back", async () => {
    const found = await served();
    return !found.includes("503") && !found.includes(`${dr}`);
  });
  assert.ok(pool.members[2].seen.every(({ url }) => url === "/healthz"), `${c} is drained`);
});

Deno.test("whatever ends an attempt gives its place back, once", async () => {
  const respond = (): Responder => (request, response) => {
    if (request.url === "/slow") return;
    if (request.url === "/reset") return void response.destroy();
    if (request.url === "/cut") {
      response.setHeader("content-length", 1000);
      return void response.write("x", () => response.destroy());
    }
    response.statusCode = request.url === "/503" ? 503 : 200;
    response.end("ok");
  };
  await using pool = await Balanced.start(
    2,
    `upstream_max_in_flight = [1, 1]
[proxy.load_balance]
all_down_status = 503
[proxy.load_balance.queue]
max_waiting = 100
timeout_ms = 60000
[proxy.load_balance.retry]
enabled = true
statuses = [503]
${QUIET}`,
    { respond, threads: 2 },
  );
  const asked = () => pool.members.reduce((sum, { seen }) => sum + seen.length, 0);
  for (let round = 0; round < 10; round++) {
    for (const path of ["/reset", "/cut", "/503"]) await pool.get(path).catch(() => {});
    const abort = new AbortController();
    const before = asked();
    const slow = [1, 2].map(() => pool.get("/slow", { signal: abort.signal }).catch(() => {}));
    await until("both members are busy", () => asked() === before + 2);
    // This one waits in the queue until its client leaves.
    const waiting = pool.get("/queued", { signal: abort.signal }).catch(() => {});
    abort.abort();
    await Promise.all([...slow, waiting]);
  }
  const both = await Promise.all([pool.get(), pool.get()]);
  assert.deepEqual(both.map(({ text }) => text), ["ok", "ok"]);
});
