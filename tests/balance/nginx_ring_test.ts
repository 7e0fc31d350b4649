/** The ring of nginx, key for key. */
import assert from "node:assert/strict";
import { memberAddress, ringOf } from "../../src/modules/load_balancer/testing/ring.ts";
import { freePort, nginx, testWith } from "../testing/peer.ts";

const KEYS = 10_000;
const CLIENTS = 16;

testWith(["nginx"], "10,000 keys go to the members that nginx gives them to", async () => {
  const ports = [freePort(), freePort(), freePort()];
  const weights = [1, 3, 2];
  const servers = ports.map((port, i) => `server 127.0.0.1:${port} weight=${weights[i]};`);
  const members = ports.map((port) =>
    `server { listen 127.0.0.1:${port}; location / { return 200 "127.0.0.1:${port}"; } }`
  );
  await using peer = await nginx(`
    upstream pool { hash $request_uri consistent; ${servers.join(" ")} keepalive 16; }
    ${members.join("\n")}
    server { listen 127.0.0.1:{port}; keepalive_requests 100000;
      location / { proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header connection ""; } }`);
  const ring = ringOf(Object.fromEntries(ports.map((port, i) => [port, weights[i]])));
  let next = 0;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (next < KEYS) {
      const target = `/page/${next++}?user=${next * 7919}`;
      const response = await fetch(`http://127.0.0.1:${peer.port}${target}`);
      assert.equal(memberAddress(ring, target), await response.text(), target);
    }
  }));
});
