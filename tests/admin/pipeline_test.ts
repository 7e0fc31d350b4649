/** Which requests the admin API lets in, and what it answers to all others. */
import assert from "node:assert/strict";
import { profile as reverseProxy } from "../../src/profiles/reverse-proxy.ts";
import { until } from "../testing/peer.ts";
import { AdminGateway, TOKEN } from "../testing/admin.ts";

const S = "/_fluxheim/";

interface Raw {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

async function curl(...args: string[]): Promise<Raw> {
  const { stdout } = await new Deno.Command("curl", { args: ["-s", "-i", "-m", "30", ...args] })
    .output();
  const text = new TextDecoder().decode(stdout);
  const at = text.indexOf("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0),
    head: text.slice(0, at),
    body: text.slice(at + 4),
  };
}

const BEARER = ["-H", `Authorization: Bearer ${TOKEN}`];

Deno.test("without the token there is nothing to see, not even which paths there are", async () => {
  await using admin = await AdminGateway.start({
    admin: "[admin.auth_throttle]\nper_source_failures = 1000",
  });
  for (const path of ["status", "health", "nothing"]) {
    for (const token of ["", "wrong", `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
      if (path !== "status" && token !== "") continue;
      const { status, body } = await admin.ask("GET", S + path, {}, token);
      assert.equal(status, 401, `${path} ${token}`);
      assert.deepEqual(body, { error: "unauthorized" });
    }
  }
  const url = `http://127.0.0.1:${admin.port}${S}status`;
  const schemes = [`bearer ${TOKEN}`, `Basic ${TOKEN}`, TOKEN, `Bearer  `];
  for (const value of schemes) {
    assert.equal((await curl("-H", `Authorization: ${value}`, url)).status, 401, value);
  }
  const twice = await curl(...BEARER, "-H", "Authorization: Bearer wrong", url);
  assert.ok([400, 401].includes(twice.status), "of two fields none counts");
});

Deno.test("a source that guesses is locked out, then longer; others are not", async () => {
  await using admin = await AdminGateway.start({
    admin: "[admin.auth_throttle]\nper_source_failures = 3\nbase_lockout_secs = 600",
  });
  const url = `http://127.0.0.1:${admin.port}${S}status`;
  const guess = (from: string) => curl("--interface", from, "-H", "Authorization: Bearer no", url);
  assert.equal((await guess("127.0.0.2")).status, 401);
  assert.equal((await guess("127.0.0.2")).status, 401);
  const third = await guess("127.0.0.2");
  assert.equal(third.status, 429);
  assert.equal(third.body, '{"error":"admin_auth_throttled"}');
  assert.match(third.head, /^retry-after: (600|599)\r$/im);
  assert.equal((await curl("--interface", "127.0.0.2", ...BEARER, url)).status, 429);
  assert.equal((await curl("--interface", "127.0.0.3", ...BEARER, url)).status, 200);
  const forged = ["-H", "X-Forwarded-For: 127.0.0.9", "-H", "Forwarded: for=127.0.0.9"];
  assert.equal((await curl("--interface", "127.0.0.2", ...forged, ...BEARER, url)).status, 429);
  await until(
    "it is logged",
    () => /fluxheim::security.*admin failure \(source\) from 127\.0\.0\.2/.test(admin.output),
  );
  assert.doesNotMatch(admin.output, new RegExp(TOKEN));
});

Deno.test("guesses from many sources lock everyone out, as 1.5 does", async () => {
  await using admin = await AdminGateway.start({
    admin: "[admin.auth_throttle]\nglobal_failures = 20\nbase_lockout_secs = 600",
  });
  const url = `http://127.0.0.1:${admin.port}${S}status`;
  for (let i = 1; i <= 20; i++) {
    const answer = await curl("--interface", `127.0.1.${i}`, "-H", "Authorization: Bearer no", url);
    assert.equal(answer.status, i < 20 ? 401 : 429);
  }
  assert.equal((await curl("--interface", "127.0.2.1", ...BEARER, url)).status, 429);
  assert.equal(await admin.target(), "/one", "and serving does not know of it");
});

Deno.test("a success clears what a source has failed", async () => {
  await using admin = await AdminGateway.start({
    admin: "[admin.auth_throttle]\nper_source_failures = 2",
  });
  for (let i = 0; i < 3; i++) {
    assert.equal((await admin.ask("GET", `${S}status`, {}, "wrong")).status, 401);
    assert.equal((await admin.get(`${S}status`)).status, 200);
  }
});

Deno.test("paths and queries have bounds, before and after the token", async () => {
  await using admin = await AdminGateway.start();
  const long = `${S}${"a".repeat(2048)}`;
  const path = await admin.ask("GET", long, {}, "");
  assert.deepEqual([path.status, path.body], [414, { error: "path_too_large" }]);
  const query = await admin.get(`${S}status?x=${"a".repeat(16 * 1024)}`);
  assert.deepEqual([query.status, query.body], [414, { error: "query_too_large" }]);
  const unknown = await admin.ask("GET", `${S}status?x=${"a".repeat(16 * 1024)}`, {}, "");
  assert.equal(unknown.status, 401);
  const huge = await admin.get(`${S}status?x=${"a".repeat(40_000)}`);
  assert.deepEqual([huge.status, huge.body], [414, { error: "path_too_large" }]);
  const fields = await admin.get(`${S}status`, { "x-large": "a".repeat(70_000) });
  assert.deepEqual([fields.status, fields.body], [431, { error: "headers_too_large" }]);
});

Deno.test("methods and paths have their own refusals, and nothing is decoded", async () => {
  await using admin = await AdminGateway.start();
  const cases: [string, string, number, string][] = [
    ["POST", "status", 405, "method_not_allowed"],
    ["GET", "snapshot", 405, "method_not_allowed"],
    ["GET", "reload", 405, "method_not_allowed"],
    ["DELETE", "status", 405, "method_not_allowed"],
    ["PUT", "nothing", 405, "method_not_allowed"],
    ["GET", "nothing", 404, "not_found"],
    ["POST", "nothing", 404, "not_found"],
    ["POST", "health", 405, "method_not_allowed"],
    ["GET", "%73tatus", 404, "not_found"],
    ["GET", "status/", 404, "not_found"],
  ];
  for (const [method, path, status, error] of cases) {
    const answer = await admin.ask(method, S + path);
    assert.deepEqual([answer.status, answer.body], [status, { error }], `${method} ${path}`);
  }
  const absolute = await curl(
    ...BEARER,
    "--request-target",
    `http://127.0.0.1:${admin.port}${S}health`,
    `http://127.0.0.1:${admin.port}/`,
  );
  assert.equal(absolute.status, 200);
});

Deno.test("endpoints of modules that are not there say so", async () => {
  const build = { profile: reverseProxy, entry: "src/cli/entries/reverse-proxy.ts" };
  await using admin = await AdminGateway.start({ build });
  const text = async (method: string, path: string) => {
    const { status, body } = await admin.ask(method, S + path);
    assert.equal(status, 400);
    assert.equal(body.status, "error");
    return body.error;
  };
  const balancer = "load balancer support is not compiled in";
  assert.equal(await text("GET", "load-balancer/status"), balancer);
  assert.equal(await text("POST", "load-balancer/member-state"), balancer);
  assert.equal(await text("GET", "cache/status"), "cache support is not compiled in");
  assert.equal(await text("POST", "cache/purge-bulk"), "cache support is not compiled in");
  assert.equal(await text("GET", "udp/status"), "UDP proxy support is not compiled in");
});

Deno.test("the status of datagrams that are not passed on says that they are not", async () => {
  await using admin = await AdminGateway.start();
  const { status, body } = await admin.get(`${S}udp/status`);
  assert.equal(status, 200);
  assert.deepEqual(body, { status: "ok", udp: { enabled: false, route_count: 0, routes: [] } });
});

Deno.test("health needs the token unless it says otherwise, and can be without a body", async () => {
  await using open = await AdminGateway.start({
    admin: '[admin.health]\nunauthenticated = true\nresponse = "minimal"\n' +
      '[admin.self_healing]\nhealth_path = "/ready"',
  });
  const url = `http://127.0.0.1:${open.port}/ready`;
  const answer = await curl(url);
  assert.equal(answer.status, 204);
  assert.match(answer.head, /^content-type: application\/octet-stream\r$/im);
  assert.equal(answer.body, "");
  assert.equal((await curl("-X", "POST", url)).status, 405);
  assert.equal((await open.get(`${S}health`)).status, 404);
});

Deno.test("pages of other sites get nothing: by their host, and by what a browser says of them", async () => {
  await using admin = await AdminGateway.start();
  const url = `http://127.0.0.1:${admin.port}${S}status`;
  const ask = (...headers: string[]) =>
    curl(...BEARER, ...headers.flatMap((header) => ["-H", header]), url);
  const rebound = await ask("Host: evil.example");
  assert.deepEqual([rebound.status, rebound.body], [421, '{"error":"host_not_allowed"}']);
  for (const host of ["localhost", "[::1]:9090", "admin.internal", "10.1.2.3:80"]) {
    assert.equal((await ask(`Host: ${host}`)).status, 200, host);
  }
  assert.equal((await ask("Sec-Fetch-Site: cross-site")).status, 403);
  assert.equal((await ask("Sec-Fetch-Site: same-site")).status, 403);
  assert.equal((await ask("Sec-Fetch-Site: same-origin")).status, 200);
  const foreign = await ask("Origin: http://127.0.0.1:1");
  assert.deepEqual([foreign.status, foreign.body], [403, '{"error":"cross_site_request"}']);
  assert.equal((await ask("Origin: null")).status, 403);
  assert.equal((await ask(`Origin: http://127.0.0.1:${admin.port}`)).status, 200);
  const form = await curl(
    "-X",
    "POST",
    "-H",
    "Sec-Fetch-Site: same-site",
    "-d",
    "to=s1&live=1",
    `http://127.0.0.1:${admin.port}${S}rollback?live=1`,
  );
  assert.equal(form.status, 403);
});

Deno.test("a fingerprint is asked for, denied before it is allowed, and never taken twice", async () => {
  const [good, bad, other] = ["a", "b", "c"].map((digit) => digit.repeat(64));
  await using admin = await AdminGateway.start({
    admin: `[admin.client_certificate]
required = true
allow_sha256 = ["${good}", "${bad}"]
deny_sha256 = ["${bad}"]`,
  });
  assert.match(admin.output, /admin.client_certificate.*any local process can send the header/);
  const url = `http://127.0.0.1:${admin.port}${S}status`;
  const ask = (...values: string[]) =>
    curl(...BEARER, ...values.flatMap((value) => ["-H", `X-Client-Cert-Sha256: ${value}`]), url);
  assert.equal((await ask(good)).status, 200);
  assert.equal((await ask(good.toUpperCase())).status, 200);
  assert.equal((await ask()).body, '{"error":"admin_client_certificate_required"}');
  const denied = '{"error":"admin_client_certificate_denied"}';
  for (const values of [[bad], [other], [good, good], ["nonsense"]]) {
    const answer = await ask(...values);
    assert.deepEqual([answer.status, answer.body], [403, denied], values.join());
  }
});

Deno.test("a large body is not read, and slow clients do not keep others out", async () => {
  await using admin = await AdminGateway.start();
  {
    using large = await Deno.connect({ hostname: "127.0.0.1", port: admin.port });
    const head = `POST ${S}snapshot HTTP/1.1\r\nHost: localhost\r\n` +
      `Authorization: Bearer ${TOKEN}\r\nContent-Length: ${3 * 1024 * 1024}\r\n\r\n`;
    await large.write(new TextEncoder().encode(head));
    // The answer comes while most of the body has not been sent, and nothing comes after it.
    const answer = await new Response(large.readable).text();
    assert.match(answer, /^HTTP\/1\.1 201 /);
    assert.match(answer, /^connection: close\r$/im);
  }
  const open: Deno.TcpConn[] = [];
  for (let i = 0; i < 64; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: admin.port });
    await connection.write(new TextEncoder().encode("GET /_fluxheim/status HTTP/1.1\r\nHo"));
    open.push(connection);
  }
  await until("there is room again", async () => {
    const answer = await admin.get(`${S}status`).catch(() => undefined);
    return answer?.status === 200;
  });
  for (const connection of open) connection.close();
});

Deno.test("answers are JSON that nothing keeps, and secrets stay in the store", async () => {
  await using admin = await AdminGateway.start({
    tables: '[[vhosts]]\nname = "secret"\nhosts = ["s.test"]\n[vhosts.proxy]\n' +
      'upstream = "127.0.0.1:9"\n[vhosts.headers.request]\nset = { "x-key" = "SECRET123" }',
  });
  const made = await admin.post(`${S}snapshot`);
  assert.equal(made.headers.get("content-type"), "application/json");
  assert.equal(made.headers.get("cache-control"), "no-store");
  assert.match(Deno.readTextFileSync(made.body.config_path), /SECRET123/);
  const said: string[] = [admin.output];
  for (const path of ["status", "snapshots", "live", "cache/status", "nothing"]) {
    said.push(JSON.stringify((await admin.get(S + path)).body));
  }
  for (const path of ["reload", "rollback", "rollback?to=x", "self-heal/fail", "reload-config"]) {
    said.push(JSON.stringify((await admin.post(S + path)).body));
  }
  assert.doesNotMatch(said.join("\n"), /SECRET123/);
  assert.doesNotMatch(said.join("\n"), new RegExp(TOKEN));
});

Deno.test("what is wrong with a configuration is said without the values that may be secret", async () => {
  const line = 'set = { "x-key" = "SECRET123" }';
  await using admin = await AdminGateway.start({
    admin: '[admin.ops_socket]\nenabled = true\npath = "{dir}/ops.sock"',
    tables: '[[vhosts]]\nname = "secret"\nhosts = ["s.test"]\n[vhosts.proxy]\n' +
      `upstream = "127.0.0.1:9"\n[vhosts.headers.request]\n${line}\n`,
  });
  const { configPath, dir } = admin.gateway;
  const good = Deno.readTextFileSync(configPath);
  for (
    const wrong of [
      'set = { "x-key" = "SECRET123", , }',
      'set = "SECRET123"',
      'set = { "x-key" = "SECRET123\\u0001" }',
      'set = ["SECRET123"]',
      'set = { "x key" = "SECRET123" }',
      `${line}\n[metrics.otlp]\nenabled = true\nendpoint = "http://me:SECRET123@host/x"`,
      `${line}\n[vhosts.php.params]\nDB_PASSWORD = 7\nSECRET = "SECRET123\\n"`,
    ]
  ) {
    Deno.writeTextFileSync(configPath, good.replace(line, wrong));
    const { status, body } = await admin.post(`${S}reload-config`);
    assert.equal(status, 400, wrong);
    assert.match(body.error, /fluxheim\.toml:\d+: /, wrong);
    assert.doesNotMatch(body.error, /SECRET123/, wrong);
    const said = [await curl("--unix-socket", `${dir.path}/ops.sock`, `http://x${S}status`)];
    said.push(await curl(...BEARER, `http://127.0.0.1:${admin.port}${S}changes`));
    for (const { head, body } of said) assert.doesNotMatch(head + body, /SECRET123/, wrong);
    assert.match(said[0].body, /"outcome":"invalid"/);
    admin.gateway.process.signal("SIGHUP");
    const number = () => admin.get(`${S}status`).then(({ body }) => body.last_reload);
    await until("the signal has its outcome", async () => (await number()).source === "signal");
  }
  assert.doesNotMatch(admin.output, /SECRET123/);
});

Deno.test("a list that is longer than an answer may be is a fault, and the log says which", async () => {
  await using admin = await AdminGateway.start();
  const { snapshot } = (await admin.post(`${S}snapshot`)).body;
  const message = "m".repeat(4_000);
  for (let i = 0; i < 300; i++) {
    const id = `${snapshot}-${i}`;
    const file = (name: string) => `${admin.store}/configs/${id}${name}`;
    Deno.writeTextFileSync(file(".toml"), "");
    Deno.writeTextFileSync(
      file(".meta.toml"),
      `id = "${id}"\ncreated_unix_secs = 1\nmessage = "${message}"\n`,
    );
  }
  const { status, body } = await admin.get(`${S}snapshots`);
  assert.deepEqual([status, body], [500, { status: "error", error: "internal_error" }]);
  await until(
    "it is logged",
    () => /admin\.snapshots failed: its answer is too large/.test(admin.output),
  );
  assert.equal((await admin.get(`${S}status`)).body.snapshots, 301);
});

Deno.test("a message is text of any language", async () => {
  await using admin = await AdminGateway.start();
  const url = `http://127.0.0.1:${admin.port}${S}snapshot`;
  const made = await curl(...BEARER, "-X", "POST", "-H", "X-Fluxheim-Message: größer 日本", url);
  assert.equal(made.status, 201, made.body);
  const { snapshots } = (await admin.get(`${S}snapshots`)).body;
  assert.equal(snapshots[0].message, "größer 日本");
});

Deno.test("another token in the file is the token after a reload", async () => {
  await using admin = await AdminGateway.start();
  Deno.writeTextFileSync(`${admin.gateway.dir.path}/token`, "another-token\n");
  const reloaded = await admin.post(`${S}reload-config`);
  assert.equal(reloaded.status, 200);
  await until(
    "it is taken up",
    async () => (await admin.ask("GET", `${S}status`, {}, "another-token")).status === 200,
  );
  assert.equal((await admin.get(`${S}status`)).status, 401);
});
