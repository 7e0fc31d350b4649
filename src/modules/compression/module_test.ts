import assert from "node:assert/strict";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Body, BytesBody, readAll } from "../../http/body.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { RunningModule, Steps } from "../../gateway/module.ts";
import {
  configOf,
  contextOf,
  counted,
  exchangeFrom,
  routeScope,
  started,
  vhostScope,
} from "../../gateway/testing/modules.ts";
import { UNSENT, type Unsent } from "../../gateway/exchange/unsent.ts";
import { module as brotli } from "../compression_brotli/module.ts";
import { module as gzip } from "../compression_gzip/module.ts";
import { module as zstd } from "../compression_zstd/module.ts";
import { module } from "./module.ts";
import { compressionSchema } from "./schema.ts";
import { StateBudget } from "./state_budget.ts";

const ANY = 1 << 24;
const PAGE = new TextEncoder().encode("<p>What is said twice is said twice.</p>\n".repeat(100));
const LARGE = new TextEncoder().encode("<p>What is said twice is said twice.</p>\n".repeat(10_000));

const DECODERS = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
};

const CODECS = [brotli, gzip, zstd];

function table(toml: Record<string, unknown> = {}) {
  return compressionSchema.parse({ enabled: true, zstd: true, brotli: true, ...toml });
}

async function compressing(toml: Record<string, unknown> = {}) {
  const config = configOf({ compression: table(toml) });
  const context = contextOf(config, [module]);
  const running = await started(module, context, CODECS);
  const scope = vhostScope(config);
  return { context, running, scope, response: running.plan(scope)?.response };
}

/** A 200 with `body` to a client that accepts `acceptEncoding`. */
function answered(
  acceptEncoding: string | undefined,
  body: Uint8Array | Body = PAGE,
  { request = [], response = [] }: {
    request?: readonly (readonly [string, string])[];
    response?: readonly (readonly [string, string])[];
  } = {},
): Exchange {
  const accept = acceptEncoding === undefined ? [] : [["accept-encoding", acceptEncoding] as const];
  const exchange = exchangeFrom("192.0.2.1", { fields: [...accept, ...request] });
  exchange.status = 200;
  exchange.response = Fields.of(["content-type", "text/html"], ...response);
  exchange.responseBody = body;
  return exchange;
}

async function bytesOf({ responseBody }: Exchange): Promise<Uint8Array> {
  if (responseBody === undefined) return new Uint8Array(0);
  if (responseBody instanceof Uint8Array) return responseBody;
  return await readAll(responseBody, ANY) ?? new Uint8Array(0);
}

/** A body whose bytes are there only later, as one from the network. */
function later(bytes: Uint8Array): Body {
  const inner = new BytesBody(bytes);
  return {
    length: bytes.length,
    trailers: undefined,
    read: (into) => Promise.resolve(inner.read(into)),
    cancel: () => inner.cancel(),
  };
}

for (const coding of ["br", "zstd", "gzip"] as const) {
  Deno.test(`${coding} bodies decode to what they were, small and large, available at once or later`, async () => {
    const { response } = await compressing();
    for (const body of [PAGE, LARGE]) {
      for (const given of [body, new BytesBody(body), later(body)]) {
        const exchange = answered(coding, given);
        response?.(exchange);
        assert.equal(exchange.response.get("content-encoding"), coding);
        assert.equal(exchange.findings.contentCoding, coding);
        const bytes = await bytesOf(exchange);
        assert.ok(bytes.length < body.length / 2);
        assert.deepEqual(new Uint8Array(DECODERS[coding](bytes)), body);
        exchange.releaseAll();
      }
    }
  });

  Deno.test(`${coding} keeps to its levels`, async () => {
    const bounds = { br: [0, 11], zstd: [1, 19], gzip: [0, 9] }[coding];
    const key = { br: "brotli_quality", zstd: "zstd_level", gzip: "gzip_level" }[coding];
    for (const level of bounds) {
      const { response } = await compressing({ [key]: level });
      const exchange = answered(coding, later(PAGE));
      response?.(exchange);
      assert.deepEqual(new Uint8Array(DECODERS[coding](await bytesOf(exchange))), PAGE);
      exchange.releaseAll();
    }
  });
}

Deno.test("the head says what the body has become and nothing of what it was", async () => {
  const { response, context } = await compressing();
  const exchange = answered("gzip", PAGE, {
    response: [
      ["content-length", String(PAGE.length)],
      ["etag", '"x"'],
      ["accept-ranges", "bytes"],
      ["content-digest", "sha-256=:x:"],
      ["last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"],
      ["vary", "origin"],
    ],
  });
  response?.(exchange);
  assert.deepEqual([...exchange.response], [
    ["content-type", "text/html"],
    ["last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"],
    ["vary", "origin, accept-encoding"],
    ["content-encoding", "gzip"],
  ]);
  assert.deepEqual(counted(context), {
    "fluxheim_response_compressions_total{scope=vhost,vhost=shop,route=,encoding=gzip}": 1,
  });
});

Deno.test("Vary is left alone when it covers Accept-Encoding already", async () => {
  const { response } = await compressing();
  for (const vary of ["*", "Accept-Encoding", "origin, accept-encoding"]) {
    const exchange = answered("gzip", PAGE, { response: [["vary", vary]] });
    response?.(exchange);
    assert.equal(exchange.response.get("vary"), vary);
  }
});

Deno.test("the client's weights decide, then br before zstd before gzip", async () => {
  const { response } = await compressing();
  const encodingFor = (accept: string | undefined) => {
    const exchange = answered(accept);
    response?.(exchange);
    return exchange.response.get("content-encoding");
  };
  assert.equal(encodingFor("gzip, deflate, br, zstd"), "br");
  assert.equal(encodingFor("gzip, zstd"), "zstd");
  assert.equal(encodingFor("gzip, br;q=0.9"), "gzip");
  assert.equal(encodingFor("*"), "br");
  assert.equal(encodingFor("deflate"), undefined);
  assert.equal(encodingFor("gzip;q=0"), undefined);
  assert.equal(encodingFor(undefined), undefined);
});

Deno.test("a codec that is off is not used", async () => {
  const { response } = await compressing({ brotli: false, zstd: false });
  const exchange = answered("br, zstd, gzip;q=0.1");
  response?.(exchange);
  assert.equal(exchange.response.get("content-encoding"), "gzip");
});

Deno.test("answers that must not or need not be compressed are left alone", async () => {
  const { response } = await compressing({ max_input_bytes: PAGE.length });
  const untouched: [string, Exchange][] = [
    ["too small", answered("gzip", PAGE.subarray(0, 1023))],
    ["too large", answered("gzip", LARGE)],
    ["of unknown length", answered("gzip", { ...later(PAGE), length: undefined })],
    ["a secret", answered("gzip", PAGE, { response: [["cache-control", "private"]] })],
    ["encoded", answered("gzip", PAGE, { response: [["content-encoding", "br"]] })],
  ];
  const empty = answered("gzip");
  empty.responseBody = undefined;
  const missing = answered("gzip");
  missing.status = 404;
  untouched.push(["without a body", empty], ["not 200", missing]);
  for (const [why, exchange] of untouched) {
    const { responseBody } = exchange;
    const before = [...exchange.response];
    response?.(exchange);
    assert.equal(exchange.responseBody, responseBody, why);
    assert.deepEqual([...exchange.response], before, why);
    assert.equal(exchange.findings.contentCoding, "", why);
  }
});

Deno.test("an answer that other clients get compressed says so to all of them", async () => {
  const { response } = await compressing();
  const head = answered("gzip");
  head.method = "HEAD";
  const told = answered("gzip", undefined, { response: [["content-length", "4000"]] });
  told.method = "HEAD";
  const part = answered("gzip", PAGE, { response: [["content-range", "bytes 0-9/4000"]] });
  part.status = 206;
  const plain: [string, Exchange][] = [
    ["one that accepts no coding", answered(undefined)],
    ["one with a cookie", answered("gzip", PAGE, { request: [["cookie", "a=b"]] })],
    ["one with credentials", answered("gzip", PAGE, { request: [["authorization", "x"]] })],
    ["HEAD", head],
    ["HEAD for an upstream's answer", told],
    ["a part", part],
  ];
  for (const [who, exchange] of plain) {
    const { responseBody } = exchange;
    const before = [...exchange.response];
    response?.(exchange);
    assert.equal(exchange.responseBody, responseBody, who);
    assert.deepEqual([...exchange.response], [...before, ["vary", "accept-encoding"]], who);
    assert.equal(exchange.findings.contentCoding, "", who);
  }
  const image = answered("gzip", PAGE, { response: [["content-range", "bytes 0-9/4000"]] });
  image.status = 206;
  image.response.set("content-type", "image/png");
  response?.(image);
  assert.ok(!image.response.has("vary"));
});

Deno.test("an upstream is asked for no part that might be joined to a compressed answer", async () => {
  const { running, scope } = await compressing();
  const asked = async (accept: string | undefined, condition: string, cookie = false) => {
    const exchange = answered(accept, PAGE, {
      request: [
        ["range", "bytes=5-"],
        ["if-range", condition],
        ...cookie ? [["cookie", "a=b"] as const] : [],
      ],
    });
    await running.plan(scope)?.lookup?.(exchange);
    return exchange.request.get("range");
  };
  const date = "Tue, 15 Nov 1994 12:45:26 GMT";
  assert.equal(await asked("gzip", date), undefined);
  assert.equal(await asked(undefined, date), "bytes=5-");
  assert.equal(await asked("gzip", date, true), "bytes=5-");
  assert.equal(await asked("gzip", '"tag"'), "bytes=5-");
});

Deno.test("bounds are inclusive", async () => {
  const { response } = await compressing({ min_bytes: PAGE.length, max_input_bytes: PAGE.length });
  const exchange = answered("gzip");
  response?.(exchange);
  assert.equal(exchange.response.get("content-encoding"), "gzip");
});

Deno.test("an answer that grows beyond max_output_bytes is cut off", async () => {
  for (const body of [PAGE, new BytesBody(PAGE), later(PAGE), LARGE, later(LARGE)]) {
    // Level 0 only stores.
    const { response } = await compressing({ gzip_level: 0, min_bytes: 10, max_output_bytes: 100 });
    const exchange = answered("gzip", body);
    response?.(exchange);
    assert.equal(exchange.status, 200);
    await assert.rejects(bytesOf(exchange), /exceeds max_output_bytes/);
    exchange.releaseAll();
  }
});

Deno.test("a route's table takes the place of its vhost's, and that of the root's, as a whole", async () => {
  const scopes = async (vhost?: object, route?: object) => {
    const config = configOf(
      vhost === undefined ? {} : { compression: compressionSchema.parse(vhost) },
      route === undefined ? {} : { compression: compressionSchema.parse(route) },
      { compression: table({ brotli: false, zstd: false }) },
    );
    const running: RunningModule = await started(module, contextOf(config, [module]), CODECS);
    return [vhostScope(config), routeScope(config)].map((scope) => {
      const exchange = answered("br, gzip");
      running.plan(scope)?.response?.(exchange);
      return exchange.response.get("content-encoding");
    });
  };
  assert.deepEqual(await scopes(), ["gzip", "gzip"]);
  assert.deepEqual(await scopes({ enabled: false }), [undefined, undefined]);
  assert.deepEqual(await scopes({ enabled: true, brotli: true }), ["br", "br"]);
  assert.deepEqual(await scopes(undefined, { enabled: false }), ["gzip", undefined]);
  assert.deepEqual(await scopes({ enabled: false }, { enabled: true }), [undefined, "gzip"]);
});

Deno.test("streams of a worker take no more memory than their budget", () => {
  const budget = new StateBudget(100);
  assert.equal(budget.take(60), true);
  assert.equal(budget.take(60), false);
  budget.giveBack(60);
  assert.equal(budget.take(60), true);
});

Deno.test("explain tells the coding, or why there is none", async () => {
  const { running, scope } = await compressing();
  const explain = (...args: Parameters<typeof answered>) =>
    running.explain?.(scope, answered(...args));
  assert.equal(explain("gzip"), "gzip for text of 1024 to 1048576 bytes");
  assert.equal(
    explain(undefined),
    "the request accepts no coding offered here: not compressed",
  );
  assert.equal(
    explain("gzip", PAGE, { request: [["cookie", "a=b"]] }),
    "the request has a cookie or credentials: not compressed",
  );
});

Deno.test("bad tables are refused with the key", () => {
  const problems = (value: Record<string, unknown>) => {
    const result = compressionSchema.safeParse({ enabled: true, ...value });
    return result.success ? [] : result.error.issues.map((i) => `${i.path.join(".")} ${i.message}`);
  };
  assert.deepEqual(problems({ gzip: false }), [
    "enabled must be false unless one of gzip, zstd and brotli is true",
  ]);
  assert.deepEqual(problems({ min_bytes: 0 }), ["min_bytes must be from 1 byte to 64 MiB"]);
  assert.deepEqual(problems({ min_bytes: 2048, max_input_bytes: 1024 }), [
    "min_bytes must be at most max_input_bytes",
  ]);
  assert.deepEqual(problems({ max_output_bytes: 10 }), [
    "max_output_bytes must be at least min_bytes",
  ]);
  assert.deepEqual(problems({ max_input_bytes: "65MiB" }), [
    "max_input_bytes must be from 1 byte to 64 MiB",
  ]);
  assert.deepEqual(problems({ gzip_level: 10, zstd_level: 0, brotli_quality: 12 }), [
    "gzip_level must be from 0 to 9",
    "zstd_level must be from 1 to 19",
    "brotli_quality must be from 0 to 11",
  ]);
  assert.equal(problems({ deflate: true }).length, 1);
  assert.deepEqual(problems({ enabled: false, gzip_level: 99, gzip: false }), []);
});

/** A 304 for what {@linkcode answered} answers; `unsent` is what a file tells of itself. */
function notModified(
  acceptEncoding: string | undefined,
  { unsent, request = [], response = [] }: {
    unsent?: Unsent;
    request?: readonly (readonly [string, string])[];
    response?: readonly (readonly [string, string])[];
  },
): Exchange {
  const exchange = answered(acceptEncoding, PAGE, { request });
  exchange.status = 304;
  exchange.response = Fields.of(["etag", '"x"'], ["cache-control", "max-age=60"], ...response);
  exchange.responseBody = undefined;
  UNSENT.set(exchange, unsent);
  return exchange;
}

/** `etag` and `vary` of a 304. */
function validators(response: Steps["response"], exchange: Exchange): (string | undefined)[] {
  response?.(exchange);
  return ["etag", "vary"].map((name) => exchange.response.get(name));
}

Deno.test("a 304 of a file says of tag and Vary what its 200 would", async () => {
  const { response } = await compressing();
  const asked = (coding: string | undefined, mediaType: string, length: number) =>
    validators(
      response,
      notModified(coding, {
        unsent: { mediaType, length },
        request: [["if-none-match", '"x"']],
      }),
    );
  assert.deepEqual(asked("gzip", "text/html", 4000), [undefined, "accept-encoding"]);
  assert.deepEqual(asked(undefined, "text/html", 4000), ['"x"', "accept-encoding"]);
  assert.deepEqual(asked("gzip", "image/png", 4000), ['"x"', undefined]);
  assert.deepEqual(asked("gzip", "text/html", 10), ['"x"', undefined]);
});

Deno.test("a 304 for a client whose answers are not compressed keeps its tag", async () => {
  const { response } = await compressing();
  const unsent = { mediaType: "text/html", length: 4000 };
  const exchange = notModified("gzip", { unsent, request: [["cookie", "a=b"]] });
  assert.deepEqual(validators(response, exchange), ['"x"', "accept-encoding"]);
});

Deno.test("a 304 whose 200 is never compressed stays as it is", async () => {
  const { response } = await compressing();
  const unsent = { mediaType: "text/html", length: 4000 };
  for (
    const fields of [
      { response: [["set-cookie", "a=b"]] },
      { response: [["cache-control", "private"]] },
      { response: [["content-encoding", "gzip"]] },
    ] satisfies Parameters<typeof notModified>[1][]
  ) {
    const exchange = notModified("gzip", { unsent, ...fields });
    assert.deepEqual(validators(response, exchange), ['"x"', undefined], JSON.stringify(fields));
  }
});

Deno.test("a 304 of an upstream tells no type: its tag stays for who has it", async () => {
  const { response } = await compressing();
  const asked = (...request: [string, string][]) =>
    validators(response, notModified("gzip", { request }));
  assert.deepEqual(asked(["if-none-match", '"x"']), ['"x"', "accept-encoding"]);
  assert.deepEqual(asked(["if-modified-since", "Tue, 15 Nov 1994 12:45:26 GMT"]), [
    undefined,
    "accept-encoding",
  ]);
  const told = (...fields: [string, string][]) =>
    validators(response, notModified("gzip", { response: fields }));
  assert.deepEqual(told(["content-type", "image/png"]), ['"x"', undefined]);
  assert.deepEqual(told(["content-length", "5"]), ['"x"', undefined]);
});
