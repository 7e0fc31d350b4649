/**
 * A listener by `tls/names.ts` in a process with few descriptors. Run by `socket_test.ts`.
 */
import { Clock } from "../../src/net/clock.ts";
import { openListener } from "../../src/net/listen/listen.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { until } from "../../src/net/testing/until.ts";

/** Its bit in the masks of signals. */
const SIGUSR1 = 1n << 9n;

const clock = new Clock();
clock.start();

const { cert, key } = new TestAuthority().issue({ name: "a.test" });
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
  tls: {
    material: { pairs: [{ cert, key }], fallback: 0, names: [], clientRoots: undefined },
    alpn: ["http/1.1"],
    minVersion: "TLSv1.3",
    clientAuth: "off",
    needsFacts: false,
    fastListener: false,
    handshakeTimeoutMs: 5000,
  },
  clock,
}, async ({ stream }) => {
  await stream.read(new Uint8Array(1)).catch(() => null);
  stream.close();
});
// The runtime opens its inspector's signal some time after its start, and panics when it cannot.
await until("the runtime waits for SIGUSR1", () => {
  const caught = /^SigCgt:\s+(\w+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
  return (BigInt(`0x${caught}`) & SIGUSR1) !== 0n;
});
console.log(listener.port);
