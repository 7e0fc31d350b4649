/**
 * Renews the certificate of a one-pair listener while clients connect anew for every request; prints how
 * many were served and how many failed. Run by `socket_test.ts` in a network of its own.
 */
import { Clock } from "../../src/net/clock.ts";
import { openListener, type TlsListenerSpec } from "../../src/net/listen/listen.ts";
import type { Accepted } from "../../src/net/listen/listener.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { until } from "../../src/net/testing/until.ts";

const RENEWALS = 40;
const CLIENTS = 12;

const authority = new TestAuthority();
const pairs = [0, 1].map(() => authority.issue({ name: "a.test" }));
const clock = new Clock();
clock.start();

function generation(index: number): TlsListenerSpec {
  return {
    material: { pairs: [pairs[index % 2]], fallback: 0, names: [], clientRoots: undefined },
    alpn: ["http/1.1"],
    minVersion: "TLSv1.2",
    clientAuth: "off",
    needsFacts: false,
    fastListener: true,
    handshakeTimeoutMs: 5000,
  };
}

async function echo({ stream, done }: { stream: Accepted["stream"]; done: () => void }) {
  const buffer = new Uint8Array(100);
  try {
    const count = await stream.read(buffer);
    if (count !== null) await stream.write(buffer.subarray(0, count));
  } catch {
    // The client is gone.
  }
  stream.close();
  done();
}

const listener = await openListener({
  kind: "tls",
  protocol: "http/1.1",
  name: "127.0.0.1:0",
  hostname: "127.0.0.1",
  port: 0,
  reusePort: true,
  key: "server.tls_listen[0]",
  maxConnections: 10_000,
  proxyProtocol: "off",
  trustedProxies: undefined,
  headTimeoutMs: 10_000,
  tls: generation(0),
  clock,
}, (accepted) => void echo({ stream: accepted.stream, done: () => accepted.done() }));

let renewing = true;
let served = 0;
let failed = 0;

async function ask(): Promise<void> {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  using client = await Deno.startTls(plain, { hostname: "a.test", caCerts: [authority.root] });
  await client.write(Uint8Array.of(1));
  if (await client.read(new Uint8Array(1)) !== 1) throw new Error("no answer");
}

const clients = Array.from({ length: CLIENTS }, async () => {
  while (renewing) {
    try {
      await ask();
      served++;
    } catch {
      failed++;
    }
  }
});
for (let index = 1; index <= RENEWALS; index++) {
  const before = served;
  await listener.updateTls?.(generation(index));
  await until("all clients are served again", () => served >= before + CLIENTS);
}
renewing = false;
await Promise.all(clients);
console.log(JSON.stringify({ terminator: listener.description, served, failed }));
Deno.exit();
