/** `fluxheim certs`: what is managed, how long it holds, and why it was not renewed. @module */
import type { CommandCall } from "../../../gateway/command.ts";
import type { Target } from "../table.ts";
import type { TargetStatus } from "../target_status.ts";
import { workOf } from "./renew.ts";

const DAY_SECS = 86_400;

/** Prints a line for each managed certificate; status 1 where one has ended, or there is none. */
export async function certs(call: CommandCall): Promise<number> {
  const work = await workOf(call);
  if (work === undefined) return 1;
  const nowSecs = Date.now() / 1000;
  const rows = work.targets.map((target) => rowOf(target, work.renewer.status(target), nowSecs));
  if (call.args.has("json")) call.out(JSON.stringify(rows, undefined, 2));
  else if (rows.length === 0) call.out("no certificate is managed");
  else rows.flatMap(linesOf).forEach(call.out);
  return rows.every(({ days_left }) => days_left !== null && days_left >= 0) ? 0 : 1;
}

function rowOf(
  { vhost, domains, issuer }: Target,
  { status, notAfter, nextAttempt, state }: TargetStatus,
  nowSecs: number,
) {
  return {
    vhost,
    domains,
    issuer: issuer.name,
    status,
    not_after: notAfter === undefined ? null : isoOf(notAfter),
    days_left: notAfter === undefined ? null : Math.floor((notAfter - nowSecs) / DAY_SECS),
    next_attempt: isoOf(Math.max(nextAttempt, nowSecs)),
    failures: state.failures,
    last_error: state.lastError === "" ? null : state.lastError,
    renewal_explanation: state.info?.explanation || null,
  };
}

function linesOf(row: ReturnType<typeof rowOf>): readonly string[] {
  const { vhost, issuer, status, days_left, next_attempt, failures, last_error } = row;
  const left = days_left === null
    ? "no certificate"
    : days_left < 0
    ? `ended on ${row.not_after}`
    : `${days_left} days left`;
  const plural = failures === 1 ? "attempt has" : "attempts have";
  return [
    `${vhost}: ${left} (${status}), of ${issuer}, for ${row.domains.join(", ")}; ` +
    `next attempt ${next_attempt}`,
    ...(last_error === null || failures === 0
      ? []
      : [`  ${failures} ${plural} failed: ${last_error}`]),
  ];
}

function isoOf(secs: number): string {
  return new Date(secs * 1000).toISOString().replace(/\.\d+/, "");
}
