/** Health programs, which must be trusted ones: running them leaves the sandbox of the runtime. @module */
import type { Config, Problem } from "../../../config/types.ts";
import { programFault } from "../../../gateway/threads/trusted_program.ts";
import { poolTables } from "../table.ts";

/** What is wrong with the health programs of a configuration. */
export function* programProblems(config: Config): Generator<Problem> {
  for (const { proxy, key } of poolTables(config)) {
    const { enabled, exec_command: command } = proxy.load_balance.health_check;
    if (!enabled || command === undefined) continue;
    const fault = programFault(command);
    if (fault === undefined) continue;
    yield { key: `${key}.load_balance.health_check.exec_command`, message: `${command} ${fault}` };
  }
}
