/** What operators see of pools and do to them: the admin API by curl, and `fluxheim members`. */
import assert from "node:assert/strict";
import { PATIENT } from "../testing/admin.ts";
import { Balanced } from "../testing/balanced.ts";
import { fluxheim } from "../testing/cli.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";
import { AdminGateway } from "../testing/admin.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** A gateway with a pool of members `one` and `two`, and curl on its admin API. */
class Operated implements AsyncDisposable {
  private constructor(
    readonly pool: Balanced,
    readonly dir: TempDir,
    readonly ports: { readonly admin: number; readonly metrics: number },
  ) {}

  static async start(keys = "", policy = ""): Promise<Operated> {
    const dir = new TempDir();
    dir.write("token", `${TOKEN}\n`);
    const ports = { admin: freePort(), metrics: freePort() };
    const pool = await Balanced.start(
      2,
      `upstream_aliases = ["one", "two"]
${keys}
[proxy.load_balance]
member_ranges = ["127.0.0.2/32"]
${policy}
[proxy.load_balance.health_check]
enabled = false
`,
      {
        threads: 2,
        root: `[admin]
enabled = true
listen = "127.0.0.1:${ports.admin}"
token_file = "${dir.path}/token"
snapshot_store = "${dir.path}/store"
${PATIENT}
[admin.ops_socket]
enabled = true
path = "${dir.path}/ops.sock"
[metrics]
enabled = true
listen = "127.0.0.1:${ports.metrics}"
`,
      },
    );
    const { process } = pool.gateway;
    await until("the API is served", () => /the service control runs/.test(process.output));
    return new Operated(pool, dir, ports);
  }

  /** Asks with curl. */
  async curl(
    method: string,
    path: string,
    ...args: string[]
    // deno-lint-ignore no-explicit-any -- tests look into whatever came
  ): Promise<{ status: number; body: any }> {
    const url = `http://127.0.0.1:${this.ports.admin}/_fluxheim/${path}`;
    const { stdout } = await new Deno.Command("curl", {
      args: ["-sg", "-w", "\n%{http_code}", "-X", method, "-H", `Authorization: Bearer ${TOKEN}`]
        .concat(args, url),
    }).output();
    const [body, status] = new TextDecoder().decode(stdout).split("\n");
    return { status: Number(status), body: JSON.parse(body) };
  }

  post(path: string, ...args: string[]) {
    return this.curl("POST", `load-balancer/${path}`, ...args);
  }

  /** Which members answer so many requests, and how often. */
  async answers(count: number): Promise<Record<string, number>> {
    const seen: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const { text } = await this.pool.get();
      seen[text] = (seen[text] ?? 0) + 1;
    }
    return seen;
  }

  /** The name that the member `one` or `two` answers with. */
  async nameOf(alias: "one" | "two"): Promise<string> {
    const other = alias === "one" ? "two" : "one";
    await this.post(`member-state?vhost=default&member=${other}&state=drain`);
    const { text } = await this.pool.get();
    await this.post(`member-state?vhost=default&member=${other}&state=normal`);
    return text;
  }

  async scrape(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.ports.metrics}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

const POOL_KEYS = [
  "all_down_status available_backend_count backend_count backends backup_available_backend_count",
  "circuit_open_backend_count disabled_backend_count discovery discovery_mode",
  "drained_backend_count health_check_enabled health_check_frequency_secs health_check_protocol",
  "max_iterations parallel_health_check passive_ejected_backend_count passive_health",
  "passive_health_enabled persistence persistence_enabled primary_available_backend_count queue",
  "ready_backend_count retry runtime_disabled_backend_count runtime_drained_backend_count",
  "runtime_forced_down_backend_count runtime_overridden_backend_count saturated_backend_count",
  "selection slow_start slow_start_enabled",
].join(" ").split(" ");

const MEMBER_KEYS = [
  "address alias backup circuit_state disabled drained effective_weight health_weight_percent",
  "in_flight latency_micros locality locality_preferred max_in_flight",
  "passive_consecutive_failures passive_ejected passive_ejection_remaining_secs",
  "persistence_entry_count priority_group ready runtime_state_changed_at_unix_secs",
  "runtime_state_override runtime_weight_changed_at_unix_secs runtime_weight_override",
  "slow_start_permitting tags weight",
].join(" ").split(" ");

Deno.test("curl sees the pools with every key, on the API, in the status and on the ops socket", async () => {
  await using operated = await Operated.start();
  const { status, body } = await operated.curl("GET", "load-balancer/status");
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body).sort(), ["load_balancer", "status"]);
  const [{ name, pool, routes }, ...more] = body.load_balancer.vhosts;
  assert.deepEqual([name, routes, more], ["default", [], []]);
  assert.deepEqual(Object.keys(pool).sort(), POOL_KEYS);
  assert.deepEqual(Object.keys(pool.backends[0]).sort(), MEMBER_KEYS);
  assert.equal(pool.selection, "round-robin");
  assert.equal(pool.available_backend_count, 2);
  const whole = await operated.curl("GET", "status");
  assert.deepEqual(whole.body.load_balancer, body.load_balancer);
  const ops = await operated.curl(
    "GET",
    "load-balancer/status",
    "--unix-socket",
    `${operated.dir.path}/ops.sock`,
  );
  assert.deepEqual(ops.body, body);
  const one = await operated.curl("GET", "load-balancer/status?vhost=other");
  assert.deepEqual(one.body.load_balancer, { vhosts: [] });
  assert.equal((await operated.curl("POST", "load-balancer/status")).status, 405);
  assert.equal((await operated.curl("GET", "load-balancer/member-state")).status, 405);
});

Deno.test("a member that is drained gets no request until it is enabled, and the log has who it was", async () => {
  await using operated = await Operated.start();
  const two = await operated.nameOf("two");
  const drained = await operated.post("member-state?vhost=default&member=ONE&state=Drain");
  assert.deepEqual(drained, {
    status: 200,
    body: {
      status: "ok",
      vhost: "default",
      route: null,
      scope: "vhost",
      member: "one",
      state: "drained",
      address: operated.pool.address(0),
      alias: "one",
      persistent: false,
    },
  });
  assert.deepEqual(await operated.answers(6), { [two]: 6 });
  const shown = (await operated.curl("GET", "load-balancer/status")).body.load_balancer.vhosts[0]
    .pool;
  assert.equal(shown.drained_backend_count, 1);
  assert.equal(shown.backends[0].runtime_state_override, "drained");
  // The header wins over the query.
  const enabled = await operated.post(
    "member-state?vhost=default&member=one&state=drain",
    "-H",
    "X-Fluxheim-Lb-State: enable",
  );
  assert.equal(enabled.body.state, "normal");
  assert.equal((await operated.answers(6))[two], 3);
  const { process } = operated.pool.gateway;
  let text = "";
  await until("the log has it", () => {
    // The last line may not be whole yet.
    const lines = process.output.split("\n").slice(0, -1);
    text = lines.find((line) => line.includes("fluxheim::audit") && line.includes("drained")) ?? "";
    return text !== "";
  });
  const { message } = JSON.parse(text);
  assert.equal(
    message,
    'member-state vhost="default" route="" scope=vhost member="one" state="drained" alias="one" persistent=false',
  );
  assert.ok(!text.includes(operated.pool.address(0)));
});

Deno.test("weights, members and sessions are changed, and each change is counted", async () => {
  await using operated = await Operated.start(
    "",
    'persistence = { enabled = true, mode = "source-ip" }',
  );
  await operated.answers(1);
  const weighed = await operated.post("member-weight?vhost=default&member=one&weight=7");
  assert.equal(weighed.body.effective_weight, 7);
  assert.equal(weighed.body.configured_weight, 1);
  assert.equal(weighed.body.runtime_weight_override, 7);
  const reset = await operated.post("member-weight?vhost=default&member=one&weight=default");
  assert.equal(reset.body.runtime_weight_override, null);
  const added = await operated.post("member-add?vhost=default&member=127.0.0.2:9&weight=2");
  assert.deepEqual(added.body, {
    status: "ok",
    vhost: "default",
    route: null,
    scope: "vhost",
    operation: "added",
    member: "127.0.0.2:9",
    address: "127.0.0.2:9",
    alias: null,
    configured_weight: 2,
    backend_count: 3,
    previous_address: null,
    persistent: false,
  });
  const moved = await operated.post(
    "member-update?vhost=default&member=127.0.0.2:9&address=127.0.0.2:11",
    "-H",
    "X-Fluxheim-Lb-New-Member: 127.0.0.2:10",
  );
  assert.equal(moved.body.member, "127.0.0.2:9");
  assert.equal(moved.body.address, "127.0.0.2:10");
  assert.equal(moved.body.previous_address, "127.0.0.2:9");
  const removed = await operated.post("member-remove?vhost=default&member=127.0.0.2:10");
  assert.equal(removed.body.operation, "removed");
  assert.equal(removed.body.backend_count, 2);
  const cleared = await operated.post("persistence/clear?vhost=default");
  assert.deepEqual(cleared.body, {
    status: "ok",
    vhost: "default",
    route: null,
    scope: "vhost",
    cleared_entries: 1,
    persistent: false,
  });
  const text = await operated.scrape();
  const counted = (upstream: string, event: string) =>
    new RegExp(
      `fluxheim_load_balancer_events_total\\{scope="vhost",vhost="default",route="",upstream="${upstream}",event="${event}"\\} (\\d+)`,
    ).exec(text)?.[1];
  assert.equal(counted("one", "member_weight"), "2");
  assert.equal(counted("other", "other"), "3");
  assert.equal(counted("", "persistence_clear"), "1");
});

Deno.test("what cannot be done is refused with its reason, and changes nothing", async () => {
  await using operated = await Operated.start();
  const { pool } = operated;
  const refusals: readonly (readonly [string, number, RegExp])[] = [
    ["member-state?member=one&state=drain", 400, /vhost is missing/],
    ["member-state?vhost=default&state=drain", 400, /member is missing/],
    ["member-state?vhost=default&member=one", 400, /state is missing/],
    ["member-state?vhost=default&member=one&state=gone", 400, /state is not known/],
    ["member-state?vhost=other&member=one&state=drain", 404, /vhost is not known/],
    ["member-state?vhost=default&route=r&member=one&state=drain", 404, /route is not known/],
    ["member-state?vhost=default&member=three&state=drain", 404, /no such member/],
    ["member-weight?vhost=default&member=one&weight=0", 400, /1 to 1000/],
    ["member-weight?vhost=default&member=one&weight=1001", 400, /1 to 1000/],
    ["member-add?vhost=default&member=localhost:80", 400, /address and a port/],
    ["member-add?vhost=default&member=127.0.0.2:9&weight=", 400, /1 to 1000/],
    [`member-add?vhost=default&member=${pool.address(1)}`, 409, /there already/],
    ["member-add?vhost=default&member=192.0.2.1:80", 409, /process_upgrade_required/],
    ["member-update?vhost=default&member=one", 400, /nothing would change/],
    ["member-update?vhost=default&member=one&address=127.0.0.2:9", 400, /alias/],
    ["member-update?vhost=default&member=one&weight=2&new_member=x", 400, /address and a port/],
    ["persistence/clear?vhost=other", 404, /vhost is not known/],
  ];
  for (const [path, status, error] of refusals) {
    const answer = await operated.post(path);
    assert.equal(answer.status, status, path);
    assert.equal(answer.body.status, "error");
    assert.match(answer.body.error, error, path);
  }
  const [{ pool: shown }] = (await operated.curl("GET", "load-balancer/status")).body.load_balancer
    .vhosts;
  assert.equal(shown.backend_count, 2);
  assert.equal(shown.runtime_overridden_backend_count, 0);
  const text = await operated.scrape();
  assert.match(text, /vhost="unknown",route="",upstream="",event="member_state_not_found"\} 2/);
});

Deno.test("the last member stays, and one with requests in flight stays where it is", async () => {
  let answer = () => {};
  const dir = new TempDir();
  await using _ = dir;
  dir.write("token", `${TOKEN}\n`);
  const port = freePort();
  await using pool = await Balanced.start(
    2,
    "[proxy.load_balance.health_check]\nenabled = false\n",
    {
      respond: () => (_, response) => answer = () => response.end("late"),
      root: `[admin]
enabled = true
listen = "127.0.0.1:${port}"
token_file = "${dir.path}/token"
snapshot_store = "${dir.path}/store"
${PATIENT}
`,
    },
  );
  await until("served", () => /the service control runs/.test(pool.gateway.process.output));
  const remove = async (i: number) => {
    const path = `load-balancer/member-remove?vhost=default&member=${pool.address(i)}`;
    const response = await fetch(`http://127.0.0.1:${port}/_fluxheim/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return { status: response.status, body: await response.json() };
  };
  const asked = pool.get();
  await until("a member has the request", () => pool.members.some(({ seen }) => seen.length > 0));
  const busy = pool.members.findIndex(({ seen }) => seen.length > 0);
  const refused = await remove(busy);
  assert.equal(refused.status, 409);
  assert.match(refused.body.error, /in flight/);
  answer();
  assert.equal((await asked).text, "late");
  await until("it is removed", async () => (await remove(busy)).status === 200);
  const last = await remove(1 - busy);
  assert.equal(last.status, 400);
  assert.match(last.body.error, /last member/);
});

Deno.test("a gateway without pools says so", async () => {
  await using admin = await AdminGateway.start({
    tables:
      '[[vhosts]]\nname = "app"\nhosts = ["app.test"]\n[vhosts.proxy]\nupstreams = ["127.0.0.1:9"]',
  });
  const S = "/_fluxheim/load-balancer";
  const drain = `${S}/member-state?vhost=app&member=127.0.0.1:9&state=drain`;
  assert.deepEqual((await admin.get(`${S}/status`)).body, {
    status: "ok",
    load_balancer: { vhosts: [] },
  });
  const none = await admin.post(drain);
  assert.equal(none.status, 404);
  assert.equal(none.body.error, "load balancer vhost has no configured pool");
  assert.match(
    (await admin.post(drain.replace("=app", "=no"))).body.error,
    /vhost is not known/,
  );
  assert.equal((await admin.post(`${S}/member-state?member=a`)).status, 400);
});

Deno.test("fluxheim members lists, drains, weighs, adds and removes", async () => {
  await using operated = await Operated.start();
  const config = ["-c", operated.pool.gateway.configPath];
  const run = (...args: string[]) => fluxheim("members", ...args, ...config);
  const listed = await run();
  assert.equal(listed.code, 0, listed.err);
  const lines = listed.out.split("\n");
  assert.equal(lines[0], "default: round-robin, 2 of 2 members available");
  assert.match(lines[1], /^ {2}member {2}address +state {2}weight {2}in flight {2}sessions$/);
  assert.match(lines[2], /^ {2}one +127\.0\.0\.1:\d+ +up +1 +0 +0$/);
  const drained = await run("--member", "one", "--state", "drain");
  assert.equal(drained.out, "default: one is drained, until the process ends\n", drained.err);
  assert.match((await run()).out, /one .* drained /);
  const weighed = await run("--vhost", "default", "--member", "two", "--weight", "5");
  assert.equal(weighed.out, "default: two has weight 5, until the process ends\n");
  const added = await run("--add", "127.0.0.2:9", "--json");
  assert.equal(JSON.parse(added.out).backend_count, 3);
  const removed = await run("--member", "127.0.0.2:9", "--remove");
  assert.match(removed.out, /127\.0\.0\.2:9 removed, weight 1, 2 members/);
  const json = JSON.parse((await run("--json")).out);
  assert.equal(json.pools[0].vhost, "default");
  assert.equal(json.pools[0].pool.backends[1].effective_weight, 5);

  const unknown = await run("--member", "three", "--state", "drain");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /has answered 404: the pool has no such member/);
  const nameless = await run("--state", "drain");
  assert.equal(nameless.code, 1);
  assert.match(nameless.err, /name the member with --member/);
  assert.equal((await run("--member", "one", "--state", "gone")).code, 2);
  assert.equal((await run("--member", "one", "--state", "drain", "--remove")).code, 2);
  const elsewhere = await run("--vhost", "other");
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.err, /there is no such pool/);
  const socket = await fluxheim(
    "members",
    "--socket",
    `${operated.dir.path}/ops.sock`,
    "--member",
    "one",
    "--state",
    "drain",
  );
  assert.equal(socket.code, 1);
  assert.match(socket.err, /can only be read/);
});
