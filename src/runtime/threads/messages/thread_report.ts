/**
 * Reads what a thread sends to the keeper. A thread is a program that may have been taken over, so a
 * message is anything that can be cloned until it was looked at.
 *
 * @module
 */
import type { Failed, LogFull, Message, ReportEnvelope } from "./thread_messages.ts";

/** Longest text that is accepted, in UTF-16 units; a reason has a stack trace in it. */
export const MAX_TEXT = 8192;

/**
 * The report in a message, or `undefined` if there is none in it.
 *
 * @param parse Reads a report by its `kind`.
 */
export function parseEnvelope<Report extends Message>(
  message: unknown,
  parse: (kind: unknown, report: unknown) => Report | undefined,
): ReportEnvelope<Report> | undefined {
  const id = property(message, "id");
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return undefined;
  const report = property(message, "report");
  const parsed = parse(property(report, "kind"), report);
  return parsed === undefined ? undefined : { id, report: parsed };
}

/** A report that threads of every role may send. */
export function parseCommon(kind: unknown, report: unknown): Failed | LogFull | undefined {
  if (kind === "log") return { kind };
  if (kind !== "failed") return undefined;
  const reason = property(report, "reason");
  return typeof reason === "string" ? { kind, reason: reason.slice(0, MAX_TEXT) } : undefined;
}

/** A property of whatever `value` is. A clone has no getters and no proxies, so this runs no code. */
export function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
