import assert from "node:assert/strict";
import type { LogTarget } from "../../gateway/reports/log.ts";
import { withoutRequest } from "./zero_retention.ts";

Deno.test("what speaks of requests says nothing", () => {
  const targets: LogTarget[] = [
    "fluxheim::access",
    "fluxheim::security",
    "fluxheim::audit",
    "fluxheim::proxy",
    "fluxheim::load_balancer",
    "fluxheim::metrics",
    "fluxheim::stream",
    "fluxheim::udp",
  ];
  for (const target of targets) assert.equal(withoutRequest(target, "x"), undefined, target);
});

Deno.test("start, stop, configuration and certificates are reported in full", () => {
  for (
    const message of [
      "listening on 127.0.0.1:80 (tcp)",
      "SIGTERM: draining",
      "reload: server.listen: must be a list",
      "server.listen[0]: cannot accept for the moment: too many open files",
    ]
  ) assert.equal(withoutRequest("fluxheim", message), message);
  assert.equal(withoutRequest("fluxheim::tls", "no certificate: a: b"), "no certificate: a: b");
});

Deno.test("a fault keeps its place in the program and loses its text", () => {
  let stack = "";
  try {
    new URL("/secret/path?token=1");
  } catch (error) {
    stack = error instanceof Error ? error.stack ?? "" : "";
  }
  assert.match(stack, /secret/);
  const told = withoutRequest("fluxheim", `fault: ${stack}`);
  assert.match(told ?? "", /^fault\n {4}at /);
  assert.doesNotMatch(told ?? "", /secret|token/);
});

Deno.test("what failed to be served is not named", () => {
  const told = withoutRequest("fluxheim", "static file not served: /srv/www/secret: denied");
  assert.equal(told, "static file not served");
});

Deno.test("a worker that died is reported without what it died of", () => {
  assert.equal(withoutRequest("fluxheim", "worker 3 died: Invalid URL: /secret"), "worker 3 died");
  assert.equal(
    withoutRequest("fluxheim", "worker 3 ends by an uncaught error: /secret"),
    "worker 3 ends by an uncaught error",
  );
});
