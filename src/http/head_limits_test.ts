/** One set of limits: whichever protocol carries a request, it is as large. */
import assert from "node:assert/strict";
import { Fields } from "./fields.ts";
import { TestServer } from "./h1/testing/connection.ts";
import { answer, type Pair, serve, valueOf } from "./h2/testing/connection.ts";

const LIMITS = { maxHeadBytes: 15_000, maxUriBytes: 500, maxFields: 20 };

/** A request, less what each protocol says in its own way. */
interface Asked {
  readonly path?: string;
  readonly fields?: readonly Pair[];
}

async function overHttp1({ path = "/", fields = [] }: Asked): Promise<string> {
  await using server = new TestServer((x) => {
    x.status = 200;
    x.response = new Fields();
  }, LIMITS);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const request = `GET ${path} HTTP/1.1\r\nhost: test\r\n${lines}\r\n`;
  const bytes = new TextEncoder().encode(request);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  const into = new Uint8Array(1000);
  const count = await connection.read(into) ?? 0;
  connection.close();
  return new TextDecoder().decode(into.subarray(0, count)).slice(9, 12);
}

async function overHttp2({ path = "/", fields = [] }: Asked): Promise<string> {
  const { peer, done } = serve((x) => answer(x, 200), { limits: LIMITS });
  await peer.greet();
  const pseudo: Pair[] = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "test"],
  ];
  await peer.send(peer.headers(1, [...pseudo, ...fields]));
  const { heads: [head] } = await peer.answer(1);
  peer.close();
  await done;
  return valueOf(head, ":status") ?? "";
}

const lines = (count: number, value = "1"): Pair[] =>
  Array.from({ length: count }, (_, i) => [`x-${String(i).padStart(2, "0")}`, value]);

/** Bytes of `GET / HTTP/1.1`, the host's line and the end. */
const REST_BYTES = 16 + 12 + 2;

/** Two lines that make the whole head that long. */
const head = (bytes: number): Pair[] => [
  ...lines(1, "v".repeat(8000)),
  ["x-rest", "v".repeat(bytes - REST_BYTES - (4 + 4 + 8000) - (6 + 4))],
];

const CASES: readonly (readonly [what: string, asked: Asked, status: string])[] = [
  ["a target at its limit", { path: "/" + "a".repeat(499) }, "200"],
  ["a target over it", { path: "/" + "a".repeat(500) }, "414"],
  ["a target far over it", { path: "/" + "a".repeat(5000) }, "414"],
  ["as many fields as may be", { fields: lines(19) }, "200"],
  ["one more", { fields: lines(20) }, "431"],
  ["a line of 8 KiB", { fields: [["x-a", "v".repeat(8192 - 5)]] }, "200"],
  ["a byte more", { fields: [["x-a", "v".repeat(8192 - 4)]] }, "431"],
  ["a name of 8 KiB", { fields: [["x".repeat(8192), "v"]] }, "431"],
  ["a cookie of 8 KiB", { fields: [["cookie", "v".repeat(8192 - 8)]] }, "200"],
  ["a byte more of it", { fields: [["cookie", "v".repeat(8192 - 7)]] }, "431"],
  ["a head at its limit", { fields: head(15_000) }, "200"],
  ["a head over it", { fields: head(15_001) }, "431"],
];

for (const [what, asked, status] of CASES) {
  Deno.test(`${what}: ${status} over both protocols`, async () => {
    assert.deepEqual([await overHttp1(asked), await overHttp2(asked)], [status, status]);
  });
}

Deno.test("cookies in fields of their own are judged as the line that HTTP/1 has", async () => {
  const values = Array.from({ length: 100 }, (_, i) => `c${i}=1`);
  const crumbs = values.map((value): Pair => ["cookie", value]);
  assert.equal(await overHttp1({ fields: [["cookie", values.join("; ")]] }), "200");
  assert.equal(await overHttp2({ fields: crumbs }), "200");
  const large = values.map((value) => value + "x".repeat(100));
  assert.equal(await overHttp1({ fields: [["cookie", large.join("; ")]] }), "431");
  assert.equal(await overHttp2({ fields: large.map((value): Pair => ["cookie", value]) }), "431");
});
