/**
 * Holds idle connections through a stream route, prints what one of them costs the gateway, and looks whether each
 * still passes bytes on: `deno run -A tests/tools/idle_streams.ts [connections]`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { until } from "../testing/peer.ts";
import { close, Peer, StreamGateway } from "../testing/streams.ts";

/** Passes bytes back. */
function echo(): Peer {
  return new Peer(async (connection) => {
    const buffer = new Uint8Array(64);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      await connection.write(buffer.subarray(0, count));
    }
  });
}

function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
}

/** @returns KiB of the gateway for each connection and its upstream's. */
export async function idleStreams(count: number): Promise<number> {
  await using upstream = echo();
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"\nmax_connections = 0`,
    { threads: 1, access: false },
  );
  const { pid } = gateway.gateway.process;
  const clients: Deno.TcpConn[] = [];
  const buffer = new Uint8Array(1);
  const passByte = async (client: Deno.TcpConn, byte: number) => {
    await client.write(Uint8Array.of(byte));
    assert.equal(await client.read(buffer), 1);
    assert.equal(buffer[0], byte);
  };
  // The first ones also pay for code that is loaded and compiled.
  for (let i = 0; i < 50; i++) clients.push(await gateway.connect());
  for (const client of clients) await passByte(client, 1);
  const before = residentKiB(pid);
  for (let i = 0; i < count; i++) clients.push(await gateway.connect());
  await until("all have come through", () => upstream.open === clients.length);
  const perPair = (residentKiB(pid) - before) / count;
  for (const [i, client] of clients.entries()) await passByte(client, i & 255);
  clients.forEach(close);
  await until("all have gone", () => upstream.open === 0);
  return perPair;
}

if (import.meta.main) {
  const count = Number(Deno.args[0] ?? 5_000);
  console.log(`${count} idle pairs: ${(await idleStreams(count)).toFixed(1)} KiB each`);
}
