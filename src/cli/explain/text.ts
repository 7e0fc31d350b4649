/** An explanation for a person. @module */
import { table } from "../table.ts";
import type { Explanation, Outcome } from "./explain.ts";
import type { Verdict } from "./listeners.ts";

/** The explanation as lines. */
export function explanationText(found: Explanation): string[] {
  const { asked, listeners, vhosts, routes, clientAddress, steps, outcome } = found;
  const via = clientAddress === asked.from ? "" : ` for ${clientAddress}`;
  const port = asked.port === undefined || asked.authority.endsWith(`:${asked.port}`)
    ? ""
    : ` (port ${asked.port})`;
  const lines = [
    `${asked.method} ${asked.scheme}://${asked.authority}${asked.target}${port} from ${asked.from}${via}`,
    ...section(
      "listener",
      listeners.map((l) => ({ ...l, reason: `${l.description}; ${l.reason}` })),
    ),
    ...section("vhost", vhosts),
    ...section("route", routes),
  ];
  if (steps.length > 0) {
    const rows = steps.map((s) => [`  ${s.phase}`, s.module, s.scope, s.verdict, s.detail]);
    lines.push("", "steps, in order", ...table(rows));
  }
  lines.push("", "outcome", ...outcomeText(outcome).map((line) => `  ${line}`));
  return lines;
}

function section(title: string, verdicts: readonly Verdict[]): string[] {
  if (verdicts.length === 0) return [];
  const rows = verdicts.map(({ name, taken, reason }) => [taken ? "  *" : "   ", name, reason]);
  return ["", title, ...table(rows)];
}

function outcomeText(outcome: Outcome): string[] {
  switch (outcome.kind) {
    case "unheard":
      return ["no listener takes this request"];
    case "refused":
      return [`refused with ${outcome.status} (${outcome.cause})`];
    case "forwarded":
      return [
        `${outcome.by} ${outcome.detail}`,
        ...outcome.sends.map((line) => `  ${line}`),
      ];
    case "answered":
      return [
        `answered with ${outcome.status} by ${outcome.by}` +
        (outcome.detail === "" ? "" : `: ${outcome.detail}`),
        ...outcome.fields.map(([name, value]) => `  ${name}: ${value}`),
      ];
  }
}
