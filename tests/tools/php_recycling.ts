/**
 * Sends requests over kept connections to a php-fpm whose workers end every hundred of them, and counts
 * afterwards which were lost, doubled or mixed up: `deno run -A tests/tools/php_recycling.ts [requests]`.
 *
 * @module
 */
import { TestGateway } from "../testing/gateway.ts";
import { PhpFpm } from "../testing/php_fpm.ts";

const CLIENTS = 64;
const requests = Number(Deno.args[0] ?? 100_000);

/** Writes the number that it was asked with into a file, and says it. */
const SCRIPT = `<?php
$n = $_SERVER["REQUEST_METHOD"] === "POST" ? file_get_contents("php://input") : $_GET["n"];
file_put_contents(__DIR__ . "/asked.txt", "$n\\n", FILE_APPEND | LOCK_EX);
echo $n;`;

await using fpm = await PhpFpm.start({ "n.php": SCRIPT }, {
  workers: 16,
  lines: ["pm.max_requests = 100"],
});
await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
process.threads = 2
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
max_in_flight = ${CLIENTS}
[vhosts.php.fpm]
socket = "${fpm.socket}"
keepalive = true
pool_max_idle = 12
`);

let next = 0;
let posts = 0;
const wrong: string[] = [];
async function client(): Promise<void> {
  while (next < requests) {
    const n = String(next++);
    const isPost = next % 2 === 0;
    if (isPost) posts++;
    const response = isPost
      ? await fetch(gateway.url("/n.php"), { method: "POST", body: n })
      : await fetch(gateway.url(`/n.php?n=${n}`));
    const text = await response.text();
    if (response.status !== 200 || text !== n) wrong.push(`${n}: ${response.status} ${text}`);
  }
}
const began = performance.now();
await Promise.all(Array.from({ length: CLIENTS }, client));
const seconds = (performance.now() - began) / 1000;

const asked = new Uint8Array(requests);
let doubled = 0;
for (const line of Deno.readTextFileSync(`${fpm.root}/asked.txt`).trimEnd().split("\n")) {
  if (asked[Number(line)]++ > 0) doubled++;
}
const lost = asked.filter((times) => times === 0).length;
console.log(
  `${requests} requests (${posts} POST) over ${CLIENTS} connections in ${seconds.toFixed(0)} s: ` +
    `${lost} lost, ${doubled} doubled, ${wrong.length} answered wrongly`,
);
for (const line of wrong.slice(0, 10)) console.log(line);
Deno.exitCode = lost + doubled + wrong.length > 0 ? 1 : 0;
