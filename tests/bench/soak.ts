/**
 * `deno task soak [--minutes N]`: an hour's worth of mixed load in some minutes, to see whether resident
 * memory stays flat. Two workers, cleartext and TLS, HTTP/1 and HTTP/2; files from memory and from the
 * disk, an upstream, uploads, clients that vanish, dribble or send nonsense, more addresses than the
 * rate limit's table has room for, and a reload every few seconds.
 *
 * Prints resident memory and open descriptors as time goes by, then the means by quarters of the time.
 * Like the benchmarks it judges nothing.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { launchArguments } from "../testing/gateway.ts";
import { find, freePort, Process, TempDir } from "../testing/peer.ts";
import { cpuSeconds, median, residentKib } from "./load.ts";
import { origin } from "./servers.ts";
import { Clients } from "./soak_clients.ts";

const SAMPLE_MS = 2_000;
const PRINT_EVERY = 10;
const RELOAD_MS = 5_000;
/** Samples of the first part are of a program that is still warming up. */
const QUARTERS = 4;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "4" } } });
const seconds = Math.round(Number(values.minutes) * 60);

await using dir = new TempDir();
const { cert, key } = new TestAuthority().issue({ name: "127.0.0.1" });
dir.write("tls/cert.pem", cert);
dir.write("tls/key.pem", key);
for (let i = 0; i < 200; i++) dir.write(`www/small/${i}.txt`, `file ${i}\n`.repeat(100 + i));
dir.write("www/large.bin", new Uint8Array(8 * 1024 * 1024).fill(120));
dir.write("www/hot.txt", "x".repeat(10_240));

const [port, tlsPort] = [freePort(), freePort()];
const app = await origin(dir);
const config = (generation: number) => `
[server]
listen = ["127.0.0.1:${port}"]
tls_listen = ["127.0.0.1:${tlsPort}"]
trusted_proxies = ["127.0.0.1"]
[server.process]
threads = 2
pid_file = "${dir.path}/fluxheim.pid"
[web_memory]
max_bytes = "1MiB"
[logging]
target = "stdout"
[tls]
enabled = true
certificates = [{ cert_path = "${dir.path}/tls/cert.pem", key_path = "${dir.path}/tls/key.pem" }]
[[vhosts]]
name = "soak"
hosts = ["127.0.0.1"]
web = { root = "${dir.path}/www" }
headers = { response = { set = { x-generation = "${generation}" } } }
[[vhosts.routes]]
name = "app"
path_prefix = "/app"
strip_prefix = "/app"
proxy = { upstream = "127.0.0.1:${app.port}" }
[[vhosts.routes]]
name = "limited"
path_prefix = "/limited"
strip_prefix = "/limited"
rate_limit = { enabled = true, requests_per_second = 5, table_max_entries = 5000, entry_ttl_secs = 60 }
concurrency = { enabled = true, max_in_flight = 4, queue_timeout_ms = 100 }
proxy = { upstream = "127.0.0.1:${app.port}" }
`;
const file = dir.write("fluxheim.toml", config(0));
// Every request is logged, to nowhere; what is collected here is what the runtime itself would say.
const gateway = new Process("sh", [
  "-c",
  'exec "$0" "$@" >/dev/null',
  Deno.execPath(),
  ...await launchArguments(file),
]);
await gateway.listening(port);

/** Rates are fixed, so that a slower machine is asked for the same. */
const h2load = (url: string, rate: number, connections: number, ...more: string[]) =>
  new Process(find("h2load")!, [
    ...["-t1", `-c${connections}`, `--rps=${rate / connections}`, `-D${seconds}`],
    ...more,
    url,
  ]);
const base = `http://127.0.0.1:${port}`;
const loads = [
  h2load(`${base}/hot.txt`, 1000, 20, "--h1"),
  h2load(`${base}/app/`, 800, 20, "--h1"),
  h2load(`${base}/app/big`, 20, 4, "--h1"),
  h2load(`https://127.0.0.1:${tlsPort}/hot.txt`, 500, 5, "-m10"),
  h2load(`https://127.0.0.1:${tlsPort}/app/`, 300, 5, "-m10"),
];
const clients = new Clients(port);
const mixed = clients.run(8);

const memory: number[] = [];
const descriptors: number[] = [];
const began = performance.now();
let generation = 0;
console.log("seconds  resident MiB  descriptors");
for (;;) {
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const elapsed = performance.now() - began;
  if (elapsed > seconds * 1000 || gateway.status !== undefined) break;
  memory.push(await residentKib(gateway.pid) / 1024);
  descriptors.push([...Deno.readDirSync(`/proc/${gateway.pid}/fd`)].length);
  if (memory.length % (PRINT_EVERY * 1000 / SAMPLE_MS) === 0) {
    const row = [Math.round(elapsed / 1000), memory.at(-1)?.toFixed(0), descriptors.at(-1)];
    console.log(row.map((cell, i) => String(cell).padStart([7, 13, 12][i])).join(" "));
  }
  if (elapsed > (generation + 1) * RELOAD_MS) {
    dir.write("fluxheim.toml", config(++generation));
    gateway.signal("SIGHUP");
  }
}
clients.stop();
await mixed;
const cpu = gateway.status === undefined ? await cpuSeconds(gateway.pid) : 0;
for (const load of loads) await load.ended;

const quarter = Math.ceil(memory.length / QUARTERS);
const parts = Array.from(
  { length: QUARTERS },
  (_, i) => memory.slice(i * quarter, (i + 1) * quarter),
);
console.log(`\n${new Date().toISOString().slice(0, 10)}, ${seconds} s, ${generation} reloads`);
console.log(
  `resident memory, median of each quarter: ${
    parts.map((part) => `${median(part).toFixed(0)} MiB`).join(", ")
  }; most ${Math.max(...memory).toFixed(0)} MiB`,
);
console.log(`descriptors: ${Math.min(...descriptors)} to ${Math.max(...descriptors)}`);
console.log(`CPU time: ${cpu.toFixed(0)} s`);
for (const load of loads) {
  const { output } = load;
  console.log(/requests: .*/.exec(output)?.[0] ?? output);
  await load.stop();
}
console.log(`mixed clients: ${clients.summary}`);
const status = await gateway.stop();
console.log(`the gateway ended with status ${status.code}`);
if (gateway.output !== "") console.log(gateway.output.slice(-2_000));
await app.process.stop();
