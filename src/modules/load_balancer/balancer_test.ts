/** The balancer: operations, discovery, the state file and the rounds of its probes (spec 03 sections 12 to 18). */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../../net/testing/until.ts";
import { DRAINED, UNHEALTHY } from "./memory/pool_memory.ts";
import { TestBalancer } from "./testing/care.ts";

const QUIET = "[proxy.load_balance.health_check]\nenabled = false\n";
const A = "127.0.0.1:3001";
const B = "127.0.0.1:3002";

function two(more = "", policy = ""): string {
  return `[proxy]\nupstreams = ["${A}", "${B}"]\n${more}\n[proxy.load_balance]\n${policy}\n${QUIET}`;
}

Deno.test("a member is drained, disabled, forced down and resumed, and the status shows it", async () => {
  await using test = await TestBalancer.start(two('upstream_aliases = ["one", "two"]'));
  const set = (state: string) =>
    test.call("member-state", { vhost: "default", member: "ONE", state });
  const [status, body] = await set("Drain");
  assert.equal(status, 200);
  assert.deepEqual(body, {
    status: "ok",
    vhost: "default",
    route: null,
    scope: "vhost",
    member: "one",
    state: "drained",
    address: A,
    alias: "one",
    persistent: false,
  });
  assert.equal((await test.status()).runtime_drained_backend_count, 1);
  for (const [state, reported] of [["down", "forced_down"], ["disable", "disabled"]]) {
    assert.equal((await set(state))[1].state, reported);
    assert.equal((await test.status()).backends[0].runtime_state_override, reported);
  }
  assert.equal((await set("resume"))[1].state, "manual_resume");
  await test.call("member-state", { vhost: "no such", member: "one", state: "drain" });
  const series = test.metrics.series().filter(({ labels }) => labels.event !== undefined);
  const events = series.map(({ labels, value }) =>
    `${labels.vhost} ${labels.upstream} ${labels.event} ${value}`
  );
  assert.deepEqual(events, ["default one member_state 4", "unknown  member_state_not_found 1"]);
  assert.equal((await test.status()).available_backend_count, 2);
});

Deno.test("what cannot be done is answered with the status of section 16", async () => {
  await using test = await TestBalancer.start(two());
  const ask = async (name: string, input: Record<string, string>) =>
    (await test.call(name, { vhost: "default", member: A, ...input }))[0];
  assert.equal((await test.call("member-state", {}))[0], 400);
  assert.equal(await ask("member-state", { vhost: "other", state: "drain" }), 404);
  assert.equal(await ask("member-state", { route: "api", state: "drain" }), 404);
  assert.equal(await ask("member-state", { member: "127.0.0.1:9", state: "drain" }), 404);
  assert.equal(await ask("member-state", { state: "asleep" }), 400);
  assert.equal(await ask("member-weight", { weight: "0" }), 400);
  assert.equal(await ask("member-weight", { weight: "1001" }), 400);
  assert.equal(await ask("member-add", { member: B }), 409);
  assert.equal(await ask("member-add", { member: "a.test:80" }), 400);
  assert.equal(await ask("member-update", {}), 400);
  assert.equal(await ask("member-update", { new_member: B }), 409);
  test.shared.tryEnter(test.shared.slotOf(A), Infinity);
  assert.equal(await ask("member-remove", {}), 409);
  assert.equal(await ask("member-remove", { member: B }), 200);
  test.shared.leave(test.shared.slotOf(A));
  assert.equal(await ask("member-remove", {}), 400);
});

Deno.test("members are added where the ranges of the pool are, and nowhere else", async () => {
  await using test = await TestBalancer.start(two("", 'member_ranges = ["127.0.0.0/8:3009"]'));
  const add = (member: string) => test.call("member-add", { vhost: "default", member });
  const [status, body] = await add("127.0.0.1:3008");
  assert.deepEqual([status, body.error, body.reasons], [
    409,
    "process_upgrade_required",
    ["permissions-changed"],
  ]);
  const [, added] = await add("127.0.0.1:3009");
  assert.deepEqual([added.operation, added.backend_count], ["added", 3]);
  const moved = await test.call("member-update", {
    vhost: "default",
    member: "127.0.0.1:3009",
    weight: "7",
  });
  assert.equal(moved[0], 200);
  assert.equal((await test.status()).backends[2].effective_weight, 7);
  await test.call("member-remove", { vhost: "default", member: A });
  assert.deepEqual(test.members, [B, "127.0.0.1:3009"]);
  // A reload of the same list keeps what an operator has made of it.
  await test.reload(two("", 'member_ranges = ["127.0.0.0/8:3009"]\nall_down_status = 503'));
  assert.deepEqual(test.members, [B, "127.0.0.1:3009"]);
});

Deno.test("weights are for selections that take them", async () => {
  await using test = await TestBalancer.start(two("upstream_weights = [3, 1]"));
  const weigh = (weight: string) =>
    test.call("member-weight", { vhost: "default", member: A, weight });
  assert.deepEqual((await weigh("9"))[1].runtime_weight_override, 9);
  assert.equal((await test.status()).backends[0].effective_weight, 9);
  const [, reset] = await weigh("default");
  assert.deepEqual([reset.effective_weight, reset.runtime_weight_override], [3, null]);
  await using hashed = await TestBalancer.start(two("", 'selection = "uri-hash"'));
  assert.equal(
    (await hashed.call("member-weight", { vhost: "default", member: A, weight: "9" }))[0],
    400,
  );
});

Deno.test("what operators have changed outlives the process, and a broken file is kept", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/state.json`;
    const text = two(
      "",
      `runtime_state_file = "${file}"\n[proxy.load_balance.persistence]\nenabled = true`,
    );
    {
      await using test = await TestBalancer.start(text);
      const [, body] = await test.call("member-state", {
        vhost: "default",
        member: A,
        state: "drain",
      });
      assert.equal(body.persistent, true);
      await test.call("member-weight", { vhost: "default", member: B, weight: "5" });
      const [member] = test.shared.members().filter(({ address }) => address === B);
      test.sessions.put("192.0.2.1", member, 0, 200);
    }
    assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    assert.match(Deno.readTextFileSync(file), /"key":1220790005030702828,"state":"drained"/);
    {
      await using test = await TestBalancer.start(text);
      assert.equal(test.flags(A) & DRAINED, DRAINED);
      assert.equal(test.shared.weight(test.shared.slotOf(B)), 5);
      assert.equal(test.sessions.find("192.0.2.1", 0)?.slot, test.shared.slotOf(B));
    }
    Deno.writeTextFileSync(file, '{"version":1,"runtime_overrides":{"states":[],"weights":[');
    await using test = await TestBalancer.start(text);
    assert.equal(test.flags(A), 0);
    assert.ok(test.log.some((line) => /warn fluxheim::security: .*not JSON/.test(line)));
    assert.match(Deno.readTextFileSync(`${file}.refused`), /^\{"version":1/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("clearing forgets the sessions of a pool, and says how many", async () => {
  const text = two("", "[proxy.load_balance.persistence]\nenabled = true");
  await using test = await TestBalancer.start(text);
  const [member] = test.shared.members();
  for (const key of ["a", "b"]) test.sessions.put(key, member, 0, 200);
  const [, body] = await test.call("persistence-clear", { vhost: "default" });
  assert.equal(body.cleared_entries, 2);
  assert.equal((await test.status()).persistence.entry_count, 0);
});

/** A file pool that is looked at once a second. */
function filePool(path: string): string {
  return `[proxy]\nupstreams_file = "${path}"\nupstreams_file_refresh_secs = 1
[proxy.load_balance]\nmember_ranges = ["127.0.0.0/8"]\n${QUIET}`;
}

Deno.test("a file names the members, and one that is wrong leaves them as they are", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/pool`;
    Deno.writeTextFileSync(file, `# app\r\n\r\n  ${A}  \r\n${B}\r\n`);
    await using test = await TestBalancer.start(filePool(file));
    assert.deepEqual(test.members, [A, B]);
    const generation = test.shared.generation;
    Deno.writeTextFileSync(file, `${B}\n${A}\n`);
    const looks = async () => (await test.status()).discovery;
    const { success_count: before } = await looks();
    await until("it was read again", async () => (await looks()).success_count > before);
    assert.equal(test.shared.generation, generation);
    for (
      const [text, reason] of [
        [`${A}\n`, /2 members or more/],
        [`${A}\n${A}\n`, /line 2 stands in the list twice/],
        [`${A}\nnot one\n`, /line 2 is not an address/],
      ] as const
    ) {
      Deno.writeTextFileSync(file, text);
      await until("it is refused", async () => reason.test((await looks()).last_error ?? ""));
      assert.deepEqual(test.members, [A, B]);
    }
    Deno.removeSync(file);
    Deno.symlinkSync("/etc/hostname", file);
    await until(
      "a link is refused",
      async () => /not a regular/.test((await looks()).last_error ?? ""),
    );
    Deno.removeSync(file);
    Deno.writeTextFileSync(file, `${A}\n127.0.0.9:1\n10.0.0.1:80\n`);
    await until("it is taken up", () => test.members.includes("127.0.0.9:1"));
    assert.deepEqual(test.members, [A, "127.0.0.9:1"]);
    assert.ok(test.log.some((line) => /outside of member_ranges.*10\.0\.0\.1:80/.test(line)));
    assert.equal((await looks()).last_error, null);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A node:http server on a port that the system picked. */
class Server implements AsyncDisposable {
  readonly #server;
  private constructor(respond: RequestListener) {
    this.#server = createServer(respond);
  }

  static async start(respond: RequestListener): Promise<Server> {
    const server = new Server(respond);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

Deno.test("no answer of a service ends the looks for members", async () => {
  const list = JSON.stringify([A, B]);
  const answers: RequestListener[] = [
    (_, response) => response.end('{"upstreams":[null]}'),
    (_, response) => response.end("[[]]"),
    (_, response) => {
      response.setHeader("content-length", 100);
      response.write(list.slice(0, 5), () => response.destroy());
    },
    (_, response) => response.writeHead(302, { location: "/other" }).end(),
    (_, response) => response.writeHead(200, { "content-type": "text/html" }).end(list),
    (_, response) => response.end("[" + " ".repeat(70_000) + "]"),
    (_, response) => response.end(JSON.stringify([A, "10.0.0.1:1", B])),
    (_, response) =>
      response.writeHead(200, { "content-type": "application/x+json" }).end(
        JSON.stringify({ upstreams: [` ${B} `, "127.0.0.1:3003"] }),
      ),
  ];
  const dir = await Deno.makeTempDir();
  let asked = 0;
  let token = "";
  await using server = await Server.start((request, response) => {
    token = request.headers.authorization ?? "";
    const answer = asked === 0
      ? (_: unknown, first: typeof response) => first.end(list)
      : answers[Math.min(asked, answers.length) - 1];
    asked++;
    answer(request, response);
  });
  try {
    Deno.writeTextFileSync(`${dir}/token`, "secret\n");
    await using test = await TestBalancer.start(`[proxy]
upstreams_http_url = "http://${server.address}/members"
upstreams_http_refresh_secs = 1
upstreams_http_allow_private_backends = true
upstreams_http_bearer_token_file = "${dir}/token"
[proxy.load_balance]\nmember_ranges = ["127.0.0.0/8"]\n${QUIET}`);
    assert.deepEqual(test.members, [A, B]);
    assert.equal(token, "Bearer secret");
    await until("the last answer is taken up", () => test.members.includes("127.0.0.1:3003"));
    assert.deepEqual(test.members, [B, "127.0.0.1:3003"]);
    const { discovery } = await test.status();
    assert.equal(discovery.failure_count, answers.length - 2);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("private addresses are refused unless they are allowed", async () => {
  await using server = await Server.start((_, response) => response.end(JSON.stringify([A, B])));
  const text = `[proxy]\nupstreams_http_url = "http://${server.address}/members"
[proxy.load_balance]\nmember_ranges = ["127.0.0.0/8"]\n${QUIET}`;
  await assert.rejects(TestBalancer.start(text), /private or reserved/);
});

/** A pool of one server and one closed port, with what its check says. */
function checked(address: string, check: string): string {
  return `[proxy]\nupstreams = ["${address}", "127.0.0.1:1"]\n[proxy.load_balance.health_check]\n${check}\n`;
}

Deno.test("a member is down after so many failures, and up after so many successes", async () => {
  let isUp = true;
  await using server = await Server.start((_, response) => {
    response.statusCode = isUp ? 200 : 500;
    response.end();
  });
  await using test = await TestBalancer.start(
    checked(server.address, 'protocol = "http"\nconsecutive_failure = 2\nconsecutive_success = 2'),
  );
  const isDown = () => (test.flags(server.address) & UNHEALTHY) !== 0;
  await until("the closed port is down", () => (test.flags("127.0.0.1:1") & UNHEALTHY) !== 0);
  assert.ok(!isDown());
  isUp = false;
  await until("it is down", isDown);
  isUp = true;
  await until("it is up", () => !isDown());
  const lines = test.log.filter((line) => line.includes(server.address));
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^warn .* via http is unhealthy: it answered 500$/);
  assert.match(lines[1], /^info .* via http is healthy$/);
});

Deno.test("an answer must have everything that is expected, and its weight counts", async () => {
  const good = { "x-health": "ready", "X-Health-Weight": "10" };
  let head: Record<string, string> = good;
  let body = '{"status":"ready","checks":{"db":1.50,"n":1}}';
  let seen = "";
  await using server = await Server.start((request, response) => {
    seen = `${request.method} ${request.url} ${request.headers.host} ${request.headers["x-probe"]}`;
    response.writeHead(204 === Number(head.status) ? 204 : 200, head);
    response.end(body);
  });
  await using test = await TestBalancer.start(checked(
    server.address,
    `protocol = "http"
method = "POST"
path = "/healthz?full"
host = "app.test"
parallel = true
request_headers = [{ name = "x-probe", value = "1" }]
expected_status_ranges = [{ start = 200, end = 299 }]
expected_headers = [{ name = "x-health", value = "ready" }]
expected_body_contains = ["ready"]
expected_body_json = [{ path = "checks.db", equals = "1.5" }, { path = "checks.n", equals = "1" }]`,
  ));
  const isDown = () => (test.flags(server.address) & UNHEALTHY) !== 0;
  await until(
    "its weight is known",
    () => test.shared.healthPercent(test.shared.slotOf(server.address)) === 25,
  );
  assert.equal(seen, "POST /healthz?full app.test 1");
  assert.ok(!isDown());
  const faults: readonly (() => void)[] = [
    () => head = { ...good, "x-health": "Ready" },
    () => head = { ...good, "X-Health-Weight": "101" },
    () => body = '{"status":"ready","checks":{"db":1.50,"n":1.0}}',
    () => body = '{"checks":{"db":1.50,"n":1}}',
    () => body = '{"status":"ready","checks":[1]}',
    () => body = "ready" + " ".repeat(70_000),
  ];
  const goodBody = body;
  for (const fault of faults) {
    fault();
    await until("it is down", isDown);
    head = good;
    body = goodBody;
    await until("it is up", () => !isDown());
  }
});

Deno.test("a reload that changes something else keeps what probes have found", async () => {
  await using server = await Server.start((_, response) => response.end());
  const text = checked(server.address, "consecutive_failure = 1");
  await using test = await TestBalancer.start(text);
  await until("it is down", () => (test.flags("127.0.0.1:1") & UNHEALTHY) !== 0);
  await test.reload(`${text}[proxy.load_balance]\nall_down_status = 503\n`);
  assert.equal(test.flags("127.0.0.1:1") & UNHEALTHY, UNHEALTHY);
});

Deno.test("a thread that stood still calls no member down", async () => {
  await using server = await Server.start((_, response) => response.end());
  await using test = await TestBalancer.start(
    checked(server.address, 'protocol = "http"\nconnect_timeout_secs = 1\nread_timeout_secs = 1'),
  );
  await until("a round is over", () => (test.flags("127.0.0.1:1") & UNHEALTHY) !== 0);
  const end = performance.now() + 3000;
  while (performance.now() < end);
  await test.clock.tick();
  let rounds = 0;
  await until("rounds go on", () => ++rounds > 20);
  assert.equal(test.flags(server.address) & UNHEALTHY, 0);
});

Deno.test("a program says how a member is, without a shell and without an environment", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const command = `${dir}/check`;
    const script = `#!/bin/sh\nenv >>${dir}/env\n[ "$FLUXHEIM_HEALTH_BACKEND_PORT" != 1 ]\n`;
    Deno.writeTextFileSync(command, script, { mode: 0o755 });
    await using test = await TestBalancer.start(checked(
      A,
      `protocol = "exec"\nexec_command = "${command}"\nexec_allowed_commands = ["${command}"]`,
    ));
    await until("it is down", () => (test.flags("127.0.0.1:1") & UNHEALTHY) !== 0);
    assert.equal(test.flags(A) & UNHEALTHY, 0);
    const names = Deno.readTextFileSync(`${dir}/env`).trim().split("\n").map((line) =>
      line.split("=")[0]
    );
    const own = new Set(names.filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name)));
    const prefix = "FLUXHEIM_HEALTH_BACKEND_";
    assert.deepEqual(own, new Set(["ADDR", "HOST", "PORT"].map((name) => prefix + name)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a program that takes too long is ended, and its member is down", async () => {
  await using test = await TestBalancer.start(checked(
    A,
    'protocol = "exec"\nexec_command = "/bin/sleep"\nexec_args = ["3600"]\nexec_allowed_commands = ["/bin/sleep"]',
  ));
  await until("it is down", () => (test.flags(A) & UNHEALTHY) !== 0);
  assert.ok(test.log.some((line) => line.includes("its program took too long")));
});
