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
import { until } from "../../net/testing/until.ts";
import { loadText } from "../../config/load.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import { module as headers } from "../headers/module.ts";
import { module as proxy } from "../proxy/module.ts";
import { proxySchema } from "../proxy/schema.ts";
import { newMemory } from "../../zones/layout.ts";
import { salt } from "../../zones/salt.ts";
import { module } from "./module.ts";
import { Sampling } from "./sampling.ts";
import { mirrorSchema } from "./schema.ts";

/** A salt as a worker opens it. */
function newSalt(): Uint8Array {
  return salt.open(newMemory(salt, undefined, 1), { index: 0, count: 1 });
}

Deno.test("equal requests are sampled alike by everyone with the same salt, others by another", () => {
  const shared = newSalt();
  const [here, there] = [new Sampling(shared), new Sampling(shared)];
  const other = new Sampling(newSalt());
  const chosen = (sampling: Sampling) =>
    Array.from({ length: 400 }, (_, i) => sampling.has(500, "GET", `/${i}`, "a.test"));
  assert.deepEqual(chosen(here), chosen(there));
  assert.notDeepEqual(chosen(here), chosen(other));
});

Deno.test("the share is what was asked for", () => {
  const sampling = new Sampling(newSalt());
  const share = (perMille: number) => {
    let count = 0;
    for (let i = 0; i < 20_000; i++) if (sampling.has(perMille, "GET", `/${i}`, "")) count++;
    return count / 20;
  };
  assert.equal(share(1000), 1000);
  // 65536 is no multiple of 1000, which is worth half a per mille; the rest is chance.
  assert.ok(Math.abs(share(100) - 100) < 15);
  assert.ok(Math.abs(share(700) - 700) < 20);
});

Deno.test("method, path, query and host all count", () => {
  const sampling = new Sampling(newSalt());
  const differs = (vary: (i: number) => [string, string, string]) => {
    const seen = new Set(Array.from({ length: 64 }, (_, i) => sampling.has(500, ...vary(i))));
    return seen.size === 2;
  };
  assert.ok(differs((i) => [`M${i}`, "/", "h"]));
  assert.ok(differs((i) => ["GET", `/?${i}`, "h"]));
  assert.ok(differs((i) => ["GET", "/", `h${i}`]));
});

Deno.test("copies are counted as success, error and skipped", async () => {
  const waiting: (() => void)[] = [];
  await using upstream = new RawUpstream(async (connection) => {
    for (let head = await connection.head(); head !== undefined; head = await connection.head()) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (head.includes("/bad")) return;
      await connection.send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const mirror = mirrorSchema.parse({
    enabled: true,
    base_url: `http://127.0.0.1:${upstream.port}`,
    max_in_flight: 2,
  });
  const config = configOf({ proxy: { ...proxySchema.parse({ upstream: "a.test:80" }), mirror } });
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const copy = running.plan(vhostScope(config))?.mirror;
  assert.ok(copy !== undefined);
  for (const target of ["/good", "/bad", "/one-too-many"]) {
    const exchange = exchangeFrom("192.0.2.1", { target });
    assert.equal(copy(exchange), undefined);
    assert.equal(exchange.status, 0);
  }
  await until("both have come", () => waiting.length === 2);
  for (const release of waiting) release();
  await until("all are counted", () => Object.keys(counted(context)).length === 3);
  await running.stop();
  const outcomes = Object.entries(counted(context))
    .map(([series, value]) => [/outcome=(\w+)/.exec(series)?.[1], value]);
  assert.deepEqual(Object.fromEntries(outcomes), { success: 1, error: 1, skipped: 1 });
});

/** What is said about a mirror with these headers, beside the rest of a file. */
function said(names: string, rest = ""): string[] {
  const modules = [headers, proxy, module];
  const { problems } = loadText(
    `[proxy]\nupstream = "a.test:80"\n[proxy.mirror]\nenabled = true\n` +
      `base_url = "http://b.test"\nforward_headers = ${names}\n${rest}`,
    modules.flatMap(({ schema }) => schema),
    modules.flatMap(({ check }) => check === undefined ? [] : [check]),
  );
  return problems.map(formatProblem);
}

Deno.test("a header that a copy cannot carry is a warning with its name", () => {
  assert.match(
    said('["x-own", "connection"]')[0],
    /warning: proxy\.mirror\.forward_headers\[1\]: "connection" has no effect/,
  );
  assert.deepEqual(said('["host", "x-real-ip", "x-forwarded-host"]'), []);
});

Deno.test("an address that clients claim is a warning, but where such claims are believed", () => {
  const [only, ...others] = said('["x-real-ip", "cf-connecting-ip"]');
  assert.deepEqual(others, []);
  assert.match(
    only,
    /forward_headers\[1\]: "cf-connecting-ip" has no effect while headers\.request/,
  );
  assert.match(said('["cf_connecting_ip"]')[0], /"cf_connecting_ip" has no effect while headers/);
  const believing = "[headers.request]\nstrip_inbound_client_ip_headers = false\n";
  assert.deepEqual(said('["cf-connecting-ip"]', believing), []);
});

const DISGUISED = ["x_real_ip", "true_client_ip", "x_fluxheim_mirror"];

for (const isPrivate of [false, true]) {
  const what = isPrivate ? "and not in a privacy build" : "as the gateway knows it";
  Deno.test(`a copy tells the client's address where that is listed, ${what}`, async () => {
    await using upstream = new RawUpstream(async (connection) => {
      heads.push(await connection.head() ?? "");
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const heads: string[] = [];
    const mirror = mirrorSchema.parse({
      enabled: true,
      base_url: `http://127.0.0.1:${upstream.port}`,
      forward_headers: ["x-real-ip", "x-forwarded-for", "true-client-ip", ...DISGUISED],
    });
    const config = configOf({ proxy: { ...proxySchema.parse({ upstream: "a.test:80" }), mirror } });
    const context = contextOf(config, [module]);
    const modules = new Set([...context.modules, ...(isPrivate ? ["privacy-mode"] : [])]);
    const running = await started(module, { ...context, modules });
    const fields = ["x-real-ip", "true-client-ip", ...DISGUISED]
      .map((name) => [name, "6.6.6.6"] as const);
    running.plan(vhostScope(config))?.mirror?.(exchangeFrom("192.0.2.1", { fields }));
    await until("it has come", () => heads.length === 1);
    await until("it is over", () => Object.keys(counted(context)).length === 1);
    await running.stop();
    assert.equal(heads[0].includes("6.6.6.6"), false);
    assert.equal(heads[0].includes("x-real-ip: 192.0.2.1"), !isPrivate);
    assert.equal(heads[0].includes("192.0.2.1"), !isPrivate);
  });
}
