/**
 * Reads what a worker sends to the keeper. A worker is a program that may have been taken over, so a
 * message is anything that can be cloned until it was looked at.
 *
 * @module
 */
import type { OpenedListener, ReportEnvelope, WorkerReport } from "./worker_messages.ts";

/** Most listeners that a worker can tell of; a configuration with more is no configuration. */
const MAX_LISTENERS = 4096;
/** Longest text that is taken over, in UTF-16 units; a reason has a stack trace in it. */
const MAX_TEXT = 8192;

/** The report in a message, or `undefined` if there is none in it. */
export function parseReport(message: unknown): ReportEnvelope | undefined {
  const id = property(message, "id");
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return undefined;
  const report = parse(property(message, "report"));
  return report === undefined ? undefined : { id, report };
}

function parse(report: unknown): WorkerReport | undefined {
  const kind = property(report, "kind");
  switch (kind) {
    case "prepared":
    case "committed":
    case "closed":
    case "drained":
    case "log":
      return { kind };
    case "failed": {
      const reason = property(report, "reason");
      return typeof reason === "string" ? { kind, reason: reason.slice(0, MAX_TEXT) } : undefined;
    }
    case "listening": {
      const listeners = parseListeners(property(report, "listeners"));
      return listeners === undefined ? undefined : { kind, listeners };
    }
    default:
      return undefined;
  }
}

function parseListeners(value: unknown): OpenedListener[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_LISTENERS) return undefined;
  const listeners: OpenedListener[] = [];
  for (const entry of value) {
    const name = property(entry, "name");
    const door = property(entry, "door");
    if (typeof name !== "string" || typeof door !== "string") return undefined;
    if (name.length > MAX_TEXT || door.length > MAX_TEXT) return undefined;
    listeners.push({ name, door });
  }
  return listeners;
}

/** A property of whatever `value` is. A clone has no getters and no proxies, so this runs no code. */
function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
