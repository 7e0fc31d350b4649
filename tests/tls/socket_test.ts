/** What can go wrong below a TLS listener: its socket is replaced, descriptors run out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { find, Process, testWith, until } from "../support/peer.ts";
import { run } from "./support.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const deno = [Deno.execPath(), "run", "-A", "-q"];

/** Whether this user may make a network of its own to change the kernel's settings in. */
async function ownNetwork(): Promise<boolean> {
  if (find("unshare") === undefined) return false;
  return (await run("unshare", ["--net", "true"])).code === 0;
}

Deno.test({
  name: "with net.ipv4.tcp_migrate_req no new connection is lost to a renewal",
  ignore: !await ownNetwork(),
  fn: async () => {
    const script = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req && exec " +
      [...deno, `${here}_renew_under_load.ts`].join(" ");
    const { out, err } = await run("unshare", ["--net", "sh", "-c", script]);
    const { door, served, failed } = JSON.parse(out || `{"error":${JSON.stringify(err)}}`);
    assert.equal(door, "tls (static certificate)");
    assert.equal(failed, 0, `of ${served}`);
  },
});

testWith(["sh"], "a listener that ran out of descriptors accepts again", async () => {
  const script = `ulimit -n 64; exec ${[...deno, `${here}_short_of_descriptors.ts`].join(" ")}`;
  await using server = new Process("sh", ["-c", script]);
  await until("it listens", () => /^\d+\n/.test(server.output));
  const port = Number(server.output);
  // What the runtime opens for its first connection it must find.
  await until("it serves", () => handshake(port, 5_000).then(() => true, () => false));
  const crowd = await Promise.all(
    Array.from({ length: 80 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  // The kernel queues what the process cannot accept; nobody after that is served.
  await assert.rejects(handshake(port, 500));
  for (const connection of crowd) connection.close();
  await until("somebody is served", () => handshake(port, 500).then(() => true, () => false));
});

/** Shakes hands, within `ms`. */
async function handshake(port: number, ms: number): Promise<void> {
  const plain = connect(port, "127.0.0.1");
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  const secured = connectTls({ socket: plain, rejectUnauthorized: false });
  try {
    await once(secured, "secureConnect", { signal: late.signal });
  } finally {
    clearTimeout(timer);
    secured.on("error", () => {}).destroy();
    plain.on("error", () => {}).destroy();
  }
}
