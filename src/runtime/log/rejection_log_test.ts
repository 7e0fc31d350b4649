import assert from "node:assert/strict";
import { SILENT } from "../../gateway/reports/log_none.ts";
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
  at(0, "max_connections", "max_connections");
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

Deno.test("a handshake that failed is logged with its client, the name and the reason, in one line", () => {
  const clock = new Clock();
  const lines: string[] = [];
  const log = {
    ...SILENT,
    enabled: () => true,
    log: (...line: string[]) => void lines.push(line.join(" ")),
  };
  const rejections = new RejectionLog("server.tls_listen[0]", clock, log);
  const peerAddress = "192.0.2.1";
  rejections.add("tls_handshake", {
    peerAddress,
    serverName: "a.test",
    why: "no cipher\nin common",
  });
  rejections.add("tls_timeout", { peerAddress, serverName: "", why: "" });
  const own =
    "info fluxheim::security server.tls_listen[0]: a connection was closed: the TLS handshake";
  assert.deepEqual(lines, [
    `${own} failed: 192.0.2.1 asked for "a.test": no cipher in common`,
    `${own} took too long: 192.0.2.1`,
  ]);
});
