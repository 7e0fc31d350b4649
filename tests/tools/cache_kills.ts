/**
 * Ends gateways with SIGKILL while they fill their disk caches, again and again, and looks after each that no
 * wrong byte comes back: `deno run -A tests/tools/cache_kills.ts [rounds]`.
 *
 * @module
 */
import { createHash, randomInt } from "node:crypto";
import { Caching, image } from "../testing/caching.ts";
import { TempDir, until } from "../testing/peer.ts";

const HOST = { host: "h" };
const PATHS = 40;

/** A body that shows by itself whether it is right: its path, its version and their hash, repeated. */
function bodyOf(path: string): string {
  const line = `${path} ${createHash("sha256").update(path).digest("hex")}\n`;
  return line.repeat(1 + path.length * 40);
}

/** Layouts and encodings that are tried in turn. */
const PLANS = ["files", "bins", "sealed"] as const;

function linesOf(plan: typeof PLANS[number], root: string, key: string): string {
  const more = plan === "files"
    ? ""
    : plan === "bins"
    ? 'backend = "storage-bin"\nstorage_bin = { bin_size_bytes = "2 MiB" }\n'
    : `encryption = { enabled = true, key_file = "${key}" }\n`;
  return `[vhosts.cache.disk]\nenabled = true\npath = "${root}"\nmax_size_bytes = "8 MiB"\n${more}`;
}

const rounds = Number(Deno.args[0] ?? 100);
await using dir = new TempDir();
const key = dir.write("key", "ab".repeat(32));
Deno.chmodSync(key, 0o600);
let hits = 0;
let looked = 0;
for (let round = 0; round < rounds; round++) {
  const plan = PLANS[round % PLANS.length];
  const root = `${dir.path}/${plan}`;
  const caching = await Caching.start(
    ({ url = "" }, response) => image(response, bodyOf(url), { "cache-control": "max-age=36000" }),
    linesOf(plan, root, key),
  );
  await until("the root is read", () => caching.gateway.process.output.includes("cache disk scan"));
  const check = async (path: string) => {
    const got = await caching.get(path, HOST).catch(() => undefined);
    if (got === undefined) return;
    if (got.body !== bodyOf(path)) throw new Error(`round ${round}: wrong bytes of ${path}`);
    looked++;
    if (got.cache === "HIT") hits++;
  };
  // What the rounds before have left, and new ones while the end comes.
  for (let i = 0; i < PATHS; i++) await check(`/${i}.png`);
  const filling = Array.from({ length: 20 }, (_, i) => check(`/new-${round}-${i}.png`));
  await new Promise((resolve) => setTimeout(resolve, randomInt(1, 300)));
  caching.gateway.process.signal("SIGKILL");
  await Promise.all(filling);
  await caching[Symbol.asyncDispose]().catch(() => {});
  console.log(`round ${round + 1} of ${rounds}, ${plan}: ${hits} of ${looked} answers were hits`);
}
console.log(`no wrong byte in ${looked} answers after ${rounds} kills`);
