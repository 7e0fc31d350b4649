import assert from "node:assert/strict";
import { BytesBody } from "../../http/body.ts";
import { moment, until } from "../../net/testing/until.ts";
import { bytesOf, endRequest, stderr, stdout } from "../../net/fastcgi/testing/records.ts";
import { counted } from "../../gateway/testing/modules.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { answering, TestApp } from "./testing/app.ts";

const END = endRequest();

Deno.test("a script's head and body become the answer", async () => {
  await using app = new TestApp({
    keys: 'hide_response_headers = ["x-powered-by"]',
    script: answering(
      stdout("Status: 201 Created\r\nX-Powered-By: PHP\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),
      stdout("Connection: x-internal\r\nX-Internal: 1\r\nContent-Length: 2\r\n\r\nhi"),
      END,
    ),
  });
  assert.deepEqual(await app.get("/"), {
    status: 201,
    headers: { "set-cookie": "a=1 | b=2" },
    body: "hi",
    outcome: "response",
  });
});

for (
  const [name, output, message] of [
    ["nothing", "", /it sent nothing/],
    ["a head without an end", "X: 1\r\n", /its head does not end/],
    ["a carriage return within a value", "X-Test: ok\rbad\r\n\r\n", /control character/],
    ["a NUL within a value", "X-Test: a\0b\r\n\r\n", /control character/],
    ["a line without a colon", "HTTP/1.1 200 OK\r\n\r\n", /no colon/],
    ["a name that is none", "a b: c\r\n\r\n", /no field name/],
    ["status 99", "Status: 99\r\n\r\n", /status "99"/],
    ["status 600", "Status: 600\r\n\r\n", /status "600"/],
    ["an interim status", "Status: 103 Early Hints\r\n\r\n", /status "103/],
    ["a status that is no number", "Status: OK\r\n\r\n", /status "OK"/],
    ["a head that is too large", `X: ${"x".repeat(2000)}\r\n\r\n`, /max_response_header_bytes/],
  ] as const
) {
  Deno.test(`${name} is no answer`, async () => {
    const keys = "max_response_header_bytes = 1000";
    await using app = new TestApp({ keys, script: answering(stdout(output), END) });
    await assert.rejects(app.get("/"), message);
    assert.match(app.log[0], /^warn shop\/default: php-fpm invalid_response: /);
  });
}

Deno.test("bytes above 127 in a value go on as they came", async () => {
  const name = new TextEncoder().encode('attachment; filename="2020 – Übersicht.csv"');
  const script = answering(stdout("Content-Disposition: "), stdout(name), stdout("\r\n\r\n"), END);
  await using app = new TestApp({ script });
  const value = (await app.get("/")).headers["content-disposition"];
  assert.deepEqual(bytesOf(value), name);
});

Deno.test("an answer that breaks off is no answer", async () => {
  await using app = new TestApp({ script: answering(stdout("Content-Length: 100\r\n\r\nhalf")) });
  await assert.rejects(app.get("/"), /closed the connection before the end/);
});

Deno.test("an answer that is shorter than its script declared is kept by no cache", async () => {
  await using app = new TestApp({
    script: answering(stdout("Content-Length: 100\r\nCache-Control: max-age=60\r\n\r\nhalf"), END),
  });
  const { status, headers, body } = await app.get("/");
  assert.equal(status, 200);
  assert.equal(headers["cache-control"], "private, no-store");
  assert.equal(body, "half");
  assert.match(app.log[0], /4 of the 100 bytes/);
});

Deno.test("output and errors count together against the limit", async () => {
  await using app = new TestApp({
    keys: "max_response_bytes = 6",
    script: answering(stdout("1234"), stderr("567"), END),
  });
  await assert.rejects(app.get("/"), /max_response_bytes/);
});

Deno.test("errors without output count as well", async () => {
  await using app = new TestApp({
    keys: "max_response_bytes = 6",
    script: async (connection) => {
      await connection.request();
      await connection.send(stderr("1234567"));
      await connection.closed();
    },
  });
  await assert.rejects(app.get("/"), /max_response_bytes/);
});

Deno.test("errors are logged in one line and cut", async () => {
  await using app = new TestApp({
    keys: "stderr_max_bytes = 12",
    script: answering(stderr("PHP message: "), stderr("a\nb"), stdout("\r\n"), END),
  });
  await app.get("/");
  assert.deepEqual(app.log, ["warn shop/default: php-fpm stderr: PHP message: ... <truncated>"]);
});

Deno.test("a pattern on standard error makes the answer invalid, however it is cut", async () => {
  await using app = new TestApp({
    keys: 'stderr_failure_patterns = ["PHP Fatal"]',
    script: answering(stdout("\r\nok"), stderr("x PHP F"), stderr("atal y"), END),
  });
  await assert.rejects(app.get("/"), /stderr_failure_patterns/);
  assert.match(app.log[0], /php-fpm stderr: x PHP Fatal y/);
});

Deno.test("nothing goes to php-fpm before a body is complete", async () => {
  await using app = new TestApp({});
  const exchange = app.exchange({ method: "POST", target: "/index.php" });
  const { promise, reject } = Promise.withResolvers<number | null>();
  let reads = 0;
  exchange.requestBody = {
    length: 40_000,
    trailers: undefined,
    read: () => reads++ === 0 ? 8192 : promise,
    cancel() {},
  };
  const asked = app.ask(exchange);
  await until("the body is read", () => reads === 2);
  reject(new Error("the client has gone"));
  await assert.rejects(asked);
  assert.equal(app.responder.connections, 0);
});

Deno.test("a request that is refused before its body was taken gets the answer at once", async () => {
  await using app = new TestApp({
    fpm: "keepalive = true",
    script: async (connection, index) => {
      if (index === 0) {
        await connection.until((records) => records.some(({ type }) => type === 5));
        await connection.send(stdout("Status: 413\r\n\r\ntoo much"), END);
        await connection.closed();
        return;
      }
      await answering(stdout("\r\nsecond"), END)(connection);
    },
  });
  const body = new BytesBody(new Uint8Array(5 * 1024 * 1024));
  const first = await app.get("/index.php", { method: "POST", body });
  assert.deepEqual([first.status, first.body], [413, "too much"]);
  assert.equal((await app.get("/")).body, "second");
  assert.equal(app.responder.connections, 2);
});

Deno.test("padding of the end that comes late does not get into the next answer", async () => {
  await using app = new TestApp({
    fpm: "keepalive = true",
    script: async (connection) => {
      const end = endRequest({ padding: 7 });
      await connection.request();
      await connection.send(stdout("\r\none"), end.subarray(0, 12));
      await connection.send(end.subarray(12));
      await connection.request();
      await connection.send(stdout("\r\ntwo"), end);
    },
  });
  assert.equal((await app.get("/")).body, "one");
  assert.equal((await app.get("/")).body, "two");
  assert.equal(app.responder.connections, 1);
});

Deno.test("a kept connection that the responder closes is not used again", async () => {
  await using app = new TestApp({
    fpm: "keepalive = true",
    script: answering(stdout("\r\nhi"), END),
  });
  assert.equal((await app.get("/", { method: "POST" })).body, "hi");
  const { total } = { total: () => app.responder.connections };
  for (let i = 0; i < 3; i++) assert.equal((await app.get("/")).body, "hi");
  assert.equal(total(), 4);
});

Deno.test("silence ends a request, and its place is taken until the script has ended", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await using app = new TestApp({
    keys: "max_in_flight = 1",
    script: async (connection, index) => {
      await connection.request();
      if (index === 0) await mayEnd;
      await connection.send(stdout("\r\nhi"), END);
    },
  });
  const asked = app.get("/");
  await until("it is asked", () => app.responder.connections === 1);
  app.tick(31_000);
  await assert.rejects(asked, /sent nothing for 30 s/);
  assert.match(app.log[0], /request_timeout/);
  const refused = await app.get("/");
  assert.deepEqual([refused.status, refused.body, refused.outcome], [
    503,
    "php-fpm request limit reached",
    "in_flight_limit",
  ]);
  assert.equal(refused.headers["retry-after"], "1");
  end();
  await until("its place is free", async () => (await app.get("/")).status === 200);
});

Deno.test("a script that never ends gives its place back after a while", async () => {
  await using app = new TestApp({
    keys: "max_in_flight = 1",
    script: async (connection, index) => {
      if (index > 0) return await answering(stdout("\r\nhi"), END)(connection);
      await connection.request();
      await connection.closed();
    },
  });
  const asked = app.get("/");
  await until("it is asked", () => app.responder.connections === 1);
  app.tick(31_000);
  await assert.rejects(asked);
  app.tick(31_000);
  await until("its place is free", async () => (await app.get("/")).status === 200);
});

Deno.test("a client that goes away leaves its script its place", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await using app = new TestApp({
    keys: "max_in_flight = 1",
    script: async (connection, index) => {
      await connection.request();
      if (index === 0) await mayEnd;
      await connection.send(stdout("\r\nhi"), END);
    },
  });
  const exchange = app.exchange();
  const asked = app.ask(exchange);
  await until("it is asked", () => app.responder.connections === 1);
  exchange.aborted = true;
  exchange.onAbort?.();
  await assert.rejects(asked, /its client has gone/);
  assert.equal((await app.get("/")).status, 503);
  end();
  await until("its place is free", async () => (await app.get("/")).status === 200);
  assert.deepEqual(app.log, []);
});

Deno.test("a cut while sending is not repeated, and logged as that", async () => {
  await using app = new TestApp({
    fpm: 'max_retries = 3\nretry_methods = ["GET"]',
    script: (connection) => connection.until((records) => records.length > 2).then(() => {}),
  });
  const body = new BytesBody(new Uint8Array(5 * 1024 * 1024));
  await assert.rejects(app.get("/index.php", { method: "POST", body }));
  assert.equal(app.responder.connections, 1);
  assert.match(app.log[0], /fpm_error: cut while sending/);
});

Deno.test("statuses and invalid answers are repeated for methods that may be", async () => {
  const script = async (connection: Parameters<ReturnType<typeof answering>>[0], index: number) => {
    await connection.request();
    const output = ["Status: 503\r\n\r\nbusy", "garbage", "\r\nfine"][index] ?? "\r\nmore";
    await connection.send(stdout(output), END);
  };
  const fpm = "max_retries = 2\nretry_statuses = [503]\nretry_invalid_response = true";
  {
    await using app = new TestApp({ fpm, script });
    assert.equal((await app.get("/")).body, "fine");
  }
  await using app = new TestApp({ fpm, script });
  assert.equal((await app.get("/", { method: "POST" })).status, 503);
});

Deno.test("X-Accel-Expires becomes what caches understand", async () => {
  for (
    const [value, cacheControl] of [
      ["120", "public, max-age=120"],
      ["0", "no-store, private"],
      ["-1", "no-store, private"],
      ["off", undefined],
      ["bad", undefined],
      ["@1", "no-store, private"],
    ] as const
  ) {
    await using app = new TestApp({
      script: answering(stdout(`X-Accel-Expires: ${value}\r\n\r\n`), END),
    });
    const { headers } = await app.get("/");
    assert.equal(headers["cache-control"], cacheControl, value);
    assert.equal(headers["x-accel-expires"], undefined);
  }
});

Deno.test("what a script withholds from caches stays withheld", async () => {
  await using app = new TestApp({
    script: answering(
      stdout("X-Accel-Expires: 120\r\nCache-Control: max-age=5, private\r\n\r\n"),
      END,
    ),
  });
  assert.equal((await app.get("/")).headers["cache-control"], "max-age=5, private");
});

Deno.test("an answer with a cookie is for its client alone", async () => {
  await using app = new TestApp({
    script: answering(stdout("X-Accel-Expires: 60\r\nSet-Cookie: a=1\r\n\r\n"), END),
  });
  assert.equal((await app.get("/")).headers["cache-control"], "private, max-age=60");
});

for (
  const [field, status] of [
    ["X-Sendfile: /app/public/../secret.txt", 403],
    ["X-Sendfile: /other/a.css", 403],
    ["X-Sendfile: /app/public/index.php", 403],
    ["X-Accel-Redirect: /index.PHP", 403],
    ["X-Accel-Redirect: /assets/secret", 403],
    ["X-Accel-Redirect: /.env.txt", 403],
    ["X-Accel-Redirect: /assets/", 502],
    ["X-Accel-Redirect: /a%00.css", 502],
  ] as const
) {
  Deno.test(`${field} is refused with ${status}`, async () => {
    await using app = new TestApp({
      keys: 'fpm_root = "/app/public"',
      script: answering(stdout(`${field}\r\nX-Accel-Expires: 9\r\n\r\nown body`), END),
    });
    const { body, headers, ...answer } = await app.get("/");
    assert.deepEqual(answer, { status, outcome: "offload_error" });
    assert.ok(!body.includes("own body"));
    assert.ok(!Object.keys(headers).some((name) => name.startsWith("x-")));
  });
}

Deno.test("an intercepted status has the gateway's answer, or the page for it", async () => {
  await using pages = new TestApp({ files: { "404.html": "not here", "index.php": "" } });
  await using app = new TestApp({
    keys: `intercept_error_statuses = [404, 500]
error_pages = [{ status = 404, path = "/404.html", web = { root = "${pages.root}" } }]`,
    script: async (connection, index) => {
      await connection.request();
      await connection.send(stdout(`Status: ${[404, 500][index]}\r\nX-Own: 1\r\n\r\nown`), END);
    },
  });
  const page = await app.get("/");
  assert.deepEqual([page.status, page.body, page.outcome], [404, "not here", "intercepted"]);
  assert.equal(page.headers["x-own"], undefined);
  const bare = await app.get("/");
  assert.deepEqual([bare.status, bare.body], [500, ""]);
});

Deno.test("an answer to HEAD has the length that its script gives", async () => {
  await using app = new TestApp({ script: answering(stdout("Content-Length: 77\r\n\r\n"), END) });
  const { headers, body } = await app.get("/", { method: "HEAD" });
  assert.deepEqual([headers["content-length"], body], ["77", ""]);
});

Deno.test("a page that the application has cached as a file is sent without PHP", async () => {
  await using app = new TestApp({
    files: {
      "index.php": "",
      "cache/shop.test/hello/index.html": "cached",
      "cache/shop.test/index.html": "front",
    },
    keys: 'static_cache = { path = "/cache" }',
    script: answering(stdout("\r\nfresh"), END),
  });
  assert.deepEqual(
    await Promise.all([
      app.get("/hello/"),
      app.get("/hello"),
      app.get("/"),
      app.get("/other/"),
      app.get("/hello/?preview=1"),
      app.get("/hello/", { method: "POST" }),
      app.get("/hello/", { fields: [["cookie", "a=1; wordpress_logged_in_x=y"]] }),
      app.get("/hello/", { authority: "other.test" }),
    ].map(async (answer) => (await answer).body)),
    ["cached", "cached", "front", "fresh", "fresh", "fresh", "fresh", "fresh"],
  );
  const { headers, outcome } = await app.get("/hello/");
  assert.deepEqual([headers["cache-control"], outcome], ["private, no-store", "static_cache"]);
});

Deno.test("requests, errors, retries and connections are counted", async () => {
  await using app = new TestApp({
    files: { "index.php": "", "a.css": "" },
    fpm:
      'keepalive = true\nmax_retries = 1\nretry_statuses = [503]\nretry_methods = ["GET", "OPTIONS"]',
    script: async (connection) => {
      await connection.request();
      await connection.send(stderr("oops"), stdout("Status: 503\r\n\r\n"), END);
      await connection.request();
      await connection.send(stdout("\r\nhi"), END);
      await connection.request();
      await connection.send(stdout("Status: 404\r\n\r\n"), END);
      await connection.closed();
    },
  });
  await app.get("/");
  await app.get("/", { method: "OPTIONS" });
  await app.get("/a.css");
  await app.get("/gone.php", { method: "POST" });
  const requests = "fluxheim_php_requests_total{vhost=shop,";
  const pool = "fluxheim_php_fpm_pool_events_total{vhost=shop,pool=default,event=";
  assert.deepEqual(counted(app.context), {
    [`${requests}method=GET,outcome=response,status_class=2xx}`]: 1,
    [`${requests}method=OPTIONS,outcome=response,status_class=4xx}`]: 1,
    [`${requests}method=GET,outcome=declined,status_class=unknown}`]: 1,
    [`${requests}method=POST,outcome=not_found,status_class=4xx}`]: 1,
    "fluxheim_php_stderr_events_total{vhost=shop,state=emitted}": 1,
    "fluxheim_php_fpm_pool_idle_connections{vhost=shop,pool=default}": 1,
    "fluxheim_php_fpm_retries_total{vhost=shop,reason=other}": 1,
    [`${pool}connect}`]: 1,
    [`${pool}reuse}`]: 2,
    [`${pool}return}`]: 3,
  });
});

Deno.test("what may not be asked again is not sent on a kept connection", async () => {
  const asked: string[] = [];
  let connections = 0;
  await using app = new TestApp({
    files: { "index.php": "" },
    fpm: "keepalive = true\npool_max_idle = 2",
    script: async (connection) => {
      const name = `connection ${++connections}`;
      for (let left = connections === 1 ? 2 : 1; left > 0; left--) {
        await connection.request();
        asked.push(name);
        await connection.send(stdout("\r\nhi"), END);
      }
      await connection.closed();
    },
  });
  for (const method of ["GET", "POST", "GET", "POST"]) await app.get("/", { method });
  assert.deepEqual(asked, ["connection 1", "connection 2", "connection 1", "connection 3"]);
});

Deno.test("answers that find no room keep their place until their clients have them", async () => {
  await using app = new TestApp({
    keys: "max_in_flight = 1",
    script: answering(stdout("\r\nhello"), END),
  });
  const memory = app.context.keep("php/memory", () => new MemoryBudget());
  assert.ok(memory.tryTake(memory.maxBytes));
  const exchange = app.exchange();
  assert.equal((await app.ask(exchange))?.status, 200);
  assert.equal((await app.get("/")).status, 503);
  exchange.releaseAll();
  assert.equal((await app.get("/")).status, 200);
});

Deno.test("a script that goes on sending may take as long as it likes", async () => {
  const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let sent = 0;
  await using app = new TestApp({
    script: async (connection) => {
      await connection.request();
      await connection.send(stdout("\r\none "));
      for (const [i, word] of ["two ", "three"].entries()) {
        sent++;
        await steps[i].promise;
        await connection.send(stdout(word));
      }
      await connection.send(END);
    },
  });
  const asked = app.get("/");
  for (const [i, step] of steps.entries()) {
    await until("the script waits", () => sent === i + 1);
    // What has been sent arrives in the turns of the event loop before the time moves.
    for (let turn = 0; turn < 20; turn++) await moment();
    app.tick(29_000);
    step.resolve();
  }
  assert.equal((await asked).body, "one two three");
});

Deno.test("a form that finds no place is refused, and its connection goes on", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await using app = new TestApp({
    keys: "max_in_flight = 1",
    script: async (connection) => {
      await connection.request();
      await mayEnd;
      await connection.send(stdout("\r\nhi"), END);
    },
  });
  const first = app.get("/");
  await until("it is asked", () => app.responder.connections === 1);
  const body = new BytesBody(new Uint8Array(1000));
  const refused = await app.get("/index.php", { method: "POST", body });
  assert.equal(refused.status, 503);
  assert.equal(body.read(new Uint8Array(1)), null);
  end();
  assert.equal((await first).body, "hi");
});

Deno.test("what would be done with a request is said in a line", async () => {
  await using app = new TestApp({ files: { "index.php": "", "a.css": "", "dir/index.php": "" } });
  const said = (target: string) => app.application.explain(app.exchange({ target }));
  assert.equal(said("/page"), `executes ${app.root}/index.php`);
  assert.equal(said("/a.css"), "a file: passes on to the static handler");
  assert.equal(said("/dir"), "/dir is a directory: redirects to its path with a slash");
  assert.equal(said("/gone.php"), "no such script");
  assert.equal(said("/index.php/x"), "nothing at this path may be executed");
});
