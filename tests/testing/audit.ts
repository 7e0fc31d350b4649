/**
 * Compares what a running gateway really asked the runtime for with what its permission plan declares.
 * The runtime writes every check down (`DENO_AUDIT_PERMISSIONS`); one that the plan does not have is a
 * fault, whether or not it was granted.
 *
 * @module
 */
import { MemberRanges } from "../../src/config/schema/member_range.ts";
import type { Plan } from "../../src/runtime/permissions/plan.ts";
import type { PermissionKind, PlannedGrant } from "../../src/runtime/permissions/planned_grant.ts";

/** Where a run of all tests collects what was declared and what was used; see `tests/run.ts`. */
export const AUDIT_REPORT = "FLUXHEIM_AUDIT_REPORT";

/** One check that the runtime made. */
interface Check {
  readonly permission: string;
  /** `null` where it only asked itself whether everything is allowed. */
  readonly value: string | null;
}

/** The audit of one process. */
export class Audit {
  constructor(readonly plan: Plan, readonly file: string) {}

  /** Environment with which the process writes its checks. */
  get environment(): Record<string, string> {
    return { DENO_AUDIT_PERMISSIONS: this.file };
  }

  /** Ends the audit: what was used is noted for the report. @returns What was used and not declared. */
  finish(): string[] {
    const checks = this.#checks();
    const used = new Set<PlannedGrant>();
    const undeclared = new Set<string>();
    for (const { permission, value } of checks) {
      if (value === null) continue;
      const grants = this.plan.grants.filter((g) => g.kind === permission && covers(g, value));
      for (const grant of grants) used.add(grant);
      if (grants.length === 0) undeclared.add(`${permission} ${value}`);
    }
    this.#report(used);
    return [...undeclared].sort();
  }

  #checks(): Check[] {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.file);
    } catch (error) {
      // A process that ended at once has asked for nothing.
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  #report(used: ReadonlySet<PlannedGrant>): void {
    const report = Deno.env.get(AUDIT_REPORT);
    if (report === undefined) return;
    const lines = this.plan.grants.map((grant) =>
      `${used.has(grant) ? "used" : "declared"} ${grant.kind} ${pattern(grant.key)}\n`
    );
    Deno.writeTextFileSync(report, lines.join(""), { append: true });
  }
}

/** Lines of the report about what no test has used, each once. */
export function neverUsed(report: string): string[] {
  const lines = new Set(report.split("\n").filter((line) => line !== ""));
  const never: string[] = [];
  for (const line of lines) {
    if (!line.startsWith("declared ")) continue;
    const what = line.slice("declared ".length);
    if (!lines.has(`used ${what}`)) never.push(what);
  }
  return never.sort();
}

/** A key without its indices: `vhosts[].web.root`. */
function pattern(key: string): string {
  return key.replaceAll(/\[\d+\]/g, "[]");
}

const COVERS: Readonly<Record<PermissionKind, (granted: string, value: string) => boolean>> = {
  net: (granted, value) => {
    const address = addressIn(value);
    return address === granted || address.startsWith(`${granted}:`) ||
      new MemberRanges([granted]).has(address);
  },
  read: within,
  write: within,
  run: (granted, value) => value === granted,
  env: (granted, value) => value === granted,
  sys: (granted, value) => value === granted,
};

/** What `fetch` asks for is written down as its URL. */
function addressIn(value: string): string {
  if (!/^https?:\/\//.test(value)) return value;
  const { hostname, port, protocol } = new URL(value);
  return `${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
}

function covers(grant: PlannedGrant, value: string): boolean {
  return COVERS[grant.kind](grant.value, value);
}

function within(granted: string, value: string): boolean {
  return value === granted || value.startsWith(granted === "/" ? "/" : `${granted}/`);
}
