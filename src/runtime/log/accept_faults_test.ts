import assert from "node:assert/strict";
import { SILENT } from "../../gateway/reports/log_none.ts";
import { Clock } from "../../net/clock.ts";
import { acceptFaults } from "./accept_faults.ts";

Deno.test("a listener that cannot accept says so at once, and again only after ten seconds", () => {
  const clock = new Clock();
  const lines: string[] = [];
  const log = { ...SILENT, log: (...line: string[]) => void lines.push(line.join(" ")) };
  const report = acceptFaults("server.listen[0]", clock, log);
  const began = clock.now;
  const fault = new Error("Too many open files (os error 24)");
  for (const after of [0, 250, 9_750]) {
    clock.tick(began + after);
    report(fault);
  }
  assert.deepEqual(lines, [
    "error fluxheim server.listen[0]: cannot accept for the moment: " +
    "Too many open files (os error 24); give the process more descriptors (LimitNOFILE, ulimit -n)",
  ]);
  clock.tick(began + 10_000);
  report(new Error("No buffer space available"));
  assert.equal(lines.length, 2);
  assert.match(lines[1], /for the moment: No buffer space available$/);
});
