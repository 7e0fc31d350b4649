/**
 * A listener of the door for names in a process with few descriptors. Its clock runs fast, so that what
 * takes ten seconds takes half of one. Run by `descriptors_test.ts`.
 */
import { Clock } from "../../src/net/clock.ts";
import { openListener } from "../../src/net/listen.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";

const SPEED = 20;

const clock = new Clock();
setInterval(() => clock.tick(performance.now() * SPEED), 10);

const { cert, key } = new TestAuthority().issue({ name: "a.test" });
const listener = await openListener({
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
    handshakeTimeoutMs: 5000 * SPEED,
  },
  clock,
}, async ({ stream }) => {
  await stream.read(new Uint8Array(1)).catch(() => null);
  stream.close();
});
// The runtime opens its inspector's signal half a second after its start, and panics when it cannot.
setTimeout(() => console.log(listener.port), 1_000);
