/** `--check-tls-storage`: are keys, certificates and ACME storage kept as they should be? @module */
import { systemFor } from "../../runtime/preflight.ts";
import type { Config } from "../../config/types.ts";
import type { Module } from "../../gateway/module.ts";
import { type Command, EXIT, Failure, type Io } from "../command.ts";
import { loadOrReport } from "../load.ts";
import { CONFIG } from "../options.ts";

/** Looks at every file; one line for each rule that one breaks (spec 05 section 3.6). */
export const checkTlsStorage: Command = {
  name: "--check-tls-storage",
  summary: "inspect keys, certificates and ACME storage: kind, mode, owner, path",
  options: [CONFIG],
  async run(call) {
    const config = await loadOrReport(call);
    if (config === undefined) return EXIT.failed;
    await checkStorage(config, call.profile.modules, call.io);
    return EXIT.ok;
  },
};

/**
 * Reports every issue.
 *
 * @throws {Failure} when there are any, or when no module of this build keeps such files.
 */
export async function checkStorage(
  config: Config,
  modules: readonly Module[],
  io: Io,
): Promise<void> {
  const system = systemFor(modules);
  const checks = modules.flatMap((module) => module.checkStorage ?? []);
  if (checks.length === 0) throw new Failure("--check-tls-storage needs the module tls");
  let issues = 0;
  for (const check of checks) {
    for (const { scope, message } of await check(config, system)) {
      io.err(`TLS storage issue: ${scope}: ${message}`);
      issues++;
    }
  }
  if (issues > 0) throw new Failure(`TLS storage check found ${issues} issue(s)`);
  io.out("TLS storage check passed");
}
