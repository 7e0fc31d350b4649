/**
 * What a build that keeps nothing about a request may still say (spec 01 section 9): start and stop,
 * errors of the configuration, failures to load a certificate, faults of the program. No log line of it
 * has an address, a path, a query, an agent, a cookie, a request id or the upstream that a request went to.
 *
 * @module
 */
import type { LogTarget } from "../../gateway/reports/log.ts";

/** Targets that never speak of a request by themselves. */
const IMPERSONAL: ReadonlySet<LogTarget> = new Set(["fluxheim", "fluxheim::tls"]);

/** Messages that go on with something a request may have brought about: an error's text, a file's path. */
const QUOTING = /^(fault|static file|worker \d+ (?:died|ends))/;

/** A line of a stack trace: names and places in the program's own code. */
const FRAME = /^ {4}at .*$/gm;

/**
 * The message without what a request may have put into it.
 *
 * @returns `undefined` when nothing may be said.
 */
export function withoutRequest(target: LogTarget, message: string): string | undefined {
  if (!IMPERSONAL.has(target)) return undefined;
  if (!QUOTING.test(message)) return message;
  const colon = message.indexOf(": ");
  const head = colon < 0 ? message : message.slice(0, colon);
  return [head, ...(message.match(FRAME) ?? [])].join("\n");
}
