import assert from "node:assert/strict";
import { SILENT } from "../../gateway/log_none.ts";
import { Clock } from "../../net/clock.ts";
import { RejectionLog } from "./rejection_log.ts";

Deno.test("closed connections are reported at once, then counted, each reason for itself", () => {
  const clock = new Clock();
  const lines: string[] = [];
  const log = {
    ...SILENT,
    enabled: (level: string) => level !== "debug",
    log: (...line: string[]) => void lines.push(line.join(" ")),
  };
  const rejections = new RejectionLog("server.listen[0]", clock, log);
  const began = clock.now;
  const at = (ms: number, ...reasons: Parameters<typeof rejections.add>[0][]) => {
    clock.tick(began + ms);
    for (const reason of reasons) rejections.add(reason);
  };
  const full = "the listener has server.limits.max_connections already";
  at(0, "max_connections", "max_connections", "tls_handshake");
  assert.deepEqual(lines, [
    `warn fluxheim::security server.listen[0]: a connection was closed: ${full}`,
  ]);
  at(9_999, "max_connections", "tls_client_certificate");
  assert.deepEqual(lines.slice(1), [
    "info fluxheim::security server.listen[0]: a connection was closed: " +
    "the client's certificate does not verify",
  ]);
  at(10_000, "max_connections", "max_connections");
  assert.deepEqual(lines.slice(2), [
    `warn fluxheim::security server.listen[0]: 3 connections were closed: ${full}`,
  ]);
});
