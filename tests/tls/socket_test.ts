/** What can go wrong below a TLS listener: its socket is replaced, descriptors run out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { find, Process, testWith, until } from "../testing/peer.ts";
import { run } from "./testing/tls_site.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const deno = [Deno.execPath(), "run", "-A", "-q"];

/** How many the process without descriptors may have. */
const DESCRIPTORS = 64;
/** How many connections come to it at once. */
const CROWD = 80;

/** Whether this user may make a network of its own to change the kernel's settings in. */
async function ownNetwork(): Promise<boolean> {
  if (find("unshare") === undefined) return false;
  return (await run("unshare", ["--net", "true"])).code === 0;
}

Deno.test({
  name: "with net.ipv4.tcp_migrate_req no new connection is lost to a renewal",
  ignore: !await ownNetwork(),
  fn: async () => {
    const script = 'ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req && exec "$@"';
    const command = [...deno, `${here}_renew_under_load.ts`];
    const { out, err } = await run("unshare", ["--net", "sh", "-c", script, "sh", ...command]);
    const { terminator, served, failed } = JSON.parse(out || `{"error":${JSON.stringify(err)}}`);
    assert.equal(terminator, "tls (static certificate)");
    assert.equal(failed, 0, `of ${served}`);
  },
});

testWith(["sh"], "a listener that ran out of descriptors accepts again", async () => {
  const script = `ulimit -n ${DESCRIPTORS}; exec "$@"`;
  const command = [...deno, `${here}_short_of_descriptors.ts`];
  await using server = new Process("sh", ["-c", script, "sh", ...command]);
  await until("it listens", () => {
    if (server.status !== undefined) throw new Error(server.output);
    return /^\d+\n/.test(server.output);
  });
  const port = Number(server.output);
  // What the runtime opens for its first connection it must find.
  await until("it serves", () => handshake(port).then(() => true, () => false));
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  // The kernel queues what the process cannot accept, and no client after that is served.
  await until("the rest is queued", () => queuedConnections(port) >= CROWD - DESCRIPTORS);
  let served = false;
  const late = handshake(port).then(() => served = true);
  await until("one more is", () => queuedConnections(port) > CROWD - DESCRIPTORS);
  assert.equal(served, false);
  for (const connection of crowd) connection.close();
  await late;
});

/** How many connections to a port the kernel has and the process has not accepted. */
function queuedConnections(port: number): number {
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  const lines = Deno.readTextFileSync("/proc/net/tcp").split("\n");
  const listening = lines.find((line) => line.includes(address) && / 0A /.test(line));
  return Number.parseInt(/ 0A \w+:(\w+)/.exec(listening ?? "")?.[1] ?? "0", 16);
}

async function handshake(port: number): Promise<void> {
  const plain = connect(port, "127.0.0.1");
  const secured = connectTls({ socket: plain, rejectUnauthorized: false });
  try {
    await once(secured, "secureConnect");
  } finally {
    secured.on("error", () => {}).destroy();
    plain.on("error", () => {}).destroy();
  }
}
