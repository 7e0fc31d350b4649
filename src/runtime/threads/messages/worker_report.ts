/**
 * Reads what an edge worker sends to the keeper.
 *
 * @module
 */
import type { ReportEnvelope } from "./thread_messages.ts";
import { MAX_TEXT, parseCommon, parseEnvelope, property } from "./thread_report.ts";
import type { OpenedListener, WorkerReport } from "./worker_messages.ts";

/** Most listeners that a worker can report; a configuration with more is no configuration. */
const MAX_LISTENERS = 4096;

/** The report in a message, or `undefined` if there is none in it. */
export function parseReport(message: unknown): ReportEnvelope<WorkerReport> | undefined {
  return parseEnvelope(message, parse);
}

function parse(kind: unknown, report: unknown): WorkerReport | undefined {
  switch (kind) {
    case "prepared":
    case "committed":
    case "closed":
    case "drained":
      return { kind };
    case "listening": {
      const listeners = parseListeners(property(report, "listeners"));
      return listeners === undefined ? undefined : { kind, listeners };
    }
    default:
      return parseCommon(kind, report);
  }
}

function parseListeners(value: unknown): OpenedListener[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_LISTENERS) return undefined;
  const listeners: OpenedListener[] = [];
  for (const entry of value) {
    const name = property(entry, "name");
    const description = property(entry, "description");
    if (typeof name !== "string" || typeof description !== "string") return undefined;
    if (name.length > MAX_TEXT || description.length > MAX_TEXT) return undefined;
    listeners.push({ name, description });
  }
  return listeners;
}
