/** `fluxheim status`: what a running gateway says of itself. @module */
import type { ModuleCommand } from "../../../gateway/command.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { isTable } from "../api/plain.ts";
import { asked } from "./asked.ts";
import type { Answer } from "./client.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "./target.ts";

/** Prints it. */
export const status: ModuleCommand = {
  name: "status",
  summary: "print the status of the running gateway",
  details: [
    "Asks the ops socket of the configuration where that is on, and else the admin API. Exit",
    "status 0: it serves. 1: it does not, or has not answered.",
  ],
  options: [...TARGET_OPTIONS, JSON_OPTION],
  takesConfig: true,
  async run(call) {
    const answer = await asked(call, { path: "status" });
    if (answer === undefined) return 1;
    const { body } = answer;
    if (call.args.has(JSON_OPTION.name)) call.out(JSON.stringify(body, undefined, 2));
    else linesOf(body).forEach((line) => call.out(line));
    return tableAt(body, "process").phase === "ready" ? 0 : 1;
  },
};

/** For a person: a name and a value a line. */
function linesOf(body: Answer["body"]): string[] {
  const process = tableAt(body, "process");
  const last = tableAt(body, "last_reload");
  const pending = tableAt(body, "pending_validation");
  const threads = Array.isArray(process.threads) ? process.threads : [];
  const reasons = Array.isArray(last.reasons) ? last.reasons.map(String) : [];
  const why = reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
  const rows: [string, string][] = [
    [
      "state",
      `${text(process.phase)}, process ${text(process.pid)}, up ${text(process.uptime_secs)} s`,
    ],
    [
      "threads",
      threads.flatMap((entry) =>
        isTable(entry) ? [`${text(entry.serving)} ${text(entry.role)}`] : []
      )
        .join(", "),
    ],
    ["last reload", `${text(last.outcome)} by ${text(last.source)} at ${at(last.started)}${why}`],
    ["serving snapshot", text(body.runtime_snapshot)],
    ["current snapshot", `${text(body.snapshot_current)} of ${text(body.snapshots)}`],
    ["known good", text(body.known_good_snapshot)],
  ];
  if (Object.keys(pending).length > 0) {
    const checks = `${text(pending.successful_checks)} good, ${text(pending.failed_checks)} bad`;
    const until = at(pending.expires_unix_secs);
    rows.push(["being watched", `${text(pending.target_snapshot)} until ${until}: ${checks}`]);
  }
  if (typeof body.store_problem === "string") rows.push(["store", body.store_problem]);
  return rows.map(([name, value]) => `${`${name}:`.padEnd(18)}${value}`);
}

function tableAt(body: Answer["body"], key: string): { readonly [key: string]: Plain } {
  const value = body[key];
  return value !== undefined && isTable(value) ? value : {};
}

function text(value: Plain | undefined): string {
  return value === null || value === undefined ? "none" : String(value);
}

function at(value: Plain | undefined): string {
  return typeof value === "number" ? new Date(value * 1000).toISOString() : "an unknown time";
}
