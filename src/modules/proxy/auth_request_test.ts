import assert from "node:assert/strict";
import { RawUpstream } from "../../http/h1/testing/raw_upstream.ts";
import {
  configOf,
  contextOf,
  counted,
  exchangeFrom,
  started,
  vhostScope,
} from "../../gateway/testing/modules.ts";
import { AUTHORIZED } from "../headers/edge.ts";
import { module } from "./module.ts";
import { proxySchema } from "./schema.ts";

/** An auth service that gives these answers, one after the other, and remembers what it was asked. */
function service(...answers: readonly string[]) {
  const heads: string[] = [];
  const left = [...answers];
  const upstream = new RawUpstream(async (connection) => {
    for (let head = await connection.head(); head !== undefined; head = await connection.head()) {
      heads.push(head);
      await connection.send(left.shift() ?? "");
    }
  });
  return { upstream, heads };
}

/** The `authorize` step for a vhost that asks `port`, and what it was started with. */
async function authorizer(port: number, lists: Record<string, string[]>, modules: string[] = []) {
  const proxy = proxySchema.parse({
    upstream: "127.0.0.1:1",
    auth_request: { enabled: true, url: `http://127.0.0.1:${port}/check`, ...lists },
  });
  const config = configOf({ proxy });
  const context = { ...contextOf(config, [module]), modules: new Set(modules) };
  const running = await started(module, context);
  const { authorize } = running.plan(vhostScope(config)) ?? {};
  assert.ok(authorize !== undefined);
  return { authorize, context, stop: () => running.stop() };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

Deno.test("answers are counted as allow, deny and error", async () => {
  const { upstream, heads: _heads } = service(
    OK,
    OK,
    "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "nonsense\r\n\r\n",
  );
  await using _upstream = upstream;
  const { authorize, context, stop } = await authorizer(upstream.port, {});
  const statuses = [];
  for (let i = 0; i < 5; i++) {
    const exchange = exchangeFrom("192.0.2.1");
    await authorize(exchange);
    statuses.push(exchange.status);
  }
  await stop();
  assert.deepEqual(statuses, [0, 0, 401, 500, 502]);
  const outcomes = Object.entries(counted(context))
    .map(([series, value]) => [/outcome=(\w+)/.exec(series)?.[1], value]);
  assert.deepEqual(Object.fromEntries(outcomes), { allow: 2, deny: 1, error: 2 });
});

Deno.test("a build for zero retention tells the service no address", async () => {
  const { upstream, heads } = service(OK);
  await using _upstream = upstream;
  const { authorize, stop } = await authorizer(upstream.port, {
    forward_headers: ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "x-own"],
  }, ["privacy-mode"]);
  const exchange = exchangeFrom("192.0.2.1", {
    fields: [["forwarded", "for=192.0.2.1"], ["cf-connecting-ip", "192.0.2.1"], ["x-own", "1"]],
  });
  await authorize(exchange);
  await stop();
  assert.equal(exchange.status, 0);
  assert.doesNotMatch(heads[0], /192\.0\.2\.1/);
  assert.match(heads[0], /x-own: 1/);
});

Deno.test("a listed host is the client's, and what the gateway writes itself comes once", async () => {
  const { upstream, heads } = service(OK);
  await using _upstream = upstream;
  const { authorize, stop } = await authorizer(upstream.port, {
    forward_headers: ["host", "content-length", "transfer-encoding", "cache-control"],
  });
  const exchange = exchangeFrom("192.0.2.1", {
    authority: "shop.test:8080",
    fields: [["content-length", "7"], ["transfer-encoding", "chunked"], ["cache-control", "x"]],
  });
  await authorize(exchange);
  await stop();
  assert.equal(exchange.status, 0);
  assert.deepEqual(heads[0].toLowerCase().trim().split("\r\n").sort(), [
    "cache-control: no-store",
    "get /check http/1.1",
    "host: shop.test:8080",
  ]);
});

Deno.test("a name listed with _ holds the gateway's word as well", async () => {
  const { upstream, heads } = service(OK, OK);
  await using _upstream = upstream;
  const lists = {
    forward_headers: ["x_forwarded_for", "x_original-uri", "cache_control", "x_own"],
  };
  const forged = lists.forward_headers.map((name) => [name, "forged"] as const);
  for (const modules of [[], ["privacy-mode"]]) {
    const { authorize, stop } = await authorizer(upstream.port, lists, modules);
    await authorize(exchangeFrom("192.0.2.1", { fields: forged }));
    await stop();
  }
  const told = heads.map((head) => head.split("\r\n").filter((line) => line.includes("_")));
  assert.deepEqual(told, [
    ["x_forwarded_for: 192.0.2.1", "x_original-uri: /", "x_own: forged"],
    ["x_original-uri: /", "x_own: forged"],
  ]);
});

Deno.test("a name the service owns is taken out of the request in both spellings", async () => {
  const { upstream } = service(OK);
  await using _upstream = upstream;
  const { authorize, stop } = await authorizer(upstream.port, {
    allow_response_headers: ["x_user"],
  });
  const exchange = exchangeFrom("192.0.2.1");
  await authorize(exchange);
  await stop();
  assert.deepEqual([...AUTHORIZED.of(exchange)?.removes ?? []], ["x_user", "x-user"]);
});

Deno.test("who leaves while the service is asked ends the question", async () => {
  let ended = () => {};
  const end = new Promise<void>((resolve) => ended = resolve);
  let asked = () => {};
  const question = new Promise<void>((resolve) => asked = resolve);
  await using upstream = new RawUpstream(async (connection) => {
    await connection.head();
    asked();
    await connection.end();
    ended();
  });
  const { authorize, context, stop } = await authorizer(upstream.port, {});
  const exchange = exchangeFrom("192.0.2.1");
  const deciding = authorize(exchange);
  await question;
  exchange.aborted = true;
  exchange.onAbort?.();
  await deciding;
  await end;
  await stop();
  assert.equal(exchange.status, 0);
  assert.equal(exchange.onAbort, undefined);
  assert.deepEqual(counted(context), {});
});
