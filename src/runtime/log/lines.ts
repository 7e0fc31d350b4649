/**
 * The forms of a general log record (spec 06 section D2, and two of ours), each one line.
 *
 * JSON: `{"timestamp":<ms>,"level":"INFO","target":"fluxheim","message":"..."}`.
 * Text: `<ms> INFO fluxheim: ...`. Timestamps are milliseconds since 1970 in UTC.
 * Human: `12:00:01.234 INFO ...`, in UTC.
 * Syslog: `<30>1 2026-01-02T12:00:01.234Z - fluxheim 4711 - - fluxheim: ...` (RFC 5424).
 *
 * @module
 */
import type { LogLevel, LogTarget } from "../../gateway/reports/log.ts";

/** `logging.format`; `syslog` where records go to a syslog server. */
export type LogFormat = "json" | "text" | "human" | SyslogHeader;

/** What is the same in every message to a syslog server. */
export interface SyslogHeader {
  /** Code of the facility, times eight. */
  readonly facility: number;
  readonly appName: string;
}

/** `logging.level`: the least severe level that is written, or none at all. */
export type LogThreshold = LogLevel | "off";

/** Severities, most severe first. */
export const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

/** Whether a threshold lets `level` through. */
export function passes(threshold: LogThreshold, level: LogLevel): boolean {
  return threshold !== "off" && LEVELS.indexOf(level) <= LEVELS.indexOf(threshold);
}

/** Reads a threshold from text that did not come from the configuration. */
export function parseThreshold(text: string): LogThreshold | undefined {
  const word = text.trim().toLowerCase();
  return word === "off" ? word : LEVELS.find((level) => level === word);
}

/** One general record with its line end. `message` may be anything, also what a client sent. */
export function logLine(
  format: LogFormat,
  timestamp: number,
  level: LogLevel,
  target: LogTarget,
  message: string,
): string {
  const name = level.toUpperCase();
  if (typeof format === "object") {
    return `${syslogHeader(format, timestamp, level, "-")} ${target}: ${oneLine(message)}\n`;
  }
  if (format === "human") {
    const who = target === "fluxheim" ? "" : `${target.slice("fluxheim::".length)}: `;
    return `${clockTime(timestamp)} ${name.padEnd(5)} ${who}${oneLine(message)}\n`;
  }
  if (format === "text") return `${timestamp} ${name} ${target}: ${oneLine(message)}\n`;
  return `{"timestamp":${timestamp},"level":"${name}","target":"${target}",` +
    `"message":${quoted(message)}}\n`;
}

/** Severities of RFC 5424 section 6.2.1. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = {
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

/** Everything before the message. The server adds the host's name. */
export function syslogHeader(
  { facility, appName }: SyslogHeader,
  timestamp: number,
  level: LogLevel,
  messageId: string,
): string {
  const time = new Date(timestamp).toISOString();
  return `<${facility + SEVERITIES[level]}>1 ${time} - ${appName} ${Deno.pid} ${messageId} -`;
}

/** `12:00:01.234` in UTC. */
export function clockTime(timestamp: number): string {
  return new Date(timestamp).toISOString().slice(11, 23);
}

/**
 * `text` as a JSON string. A clean text, which nearly every one is, is found clean by looking at each
 * code once; that is faster than a regular expression on strings of this length, and than
 * `JSON.stringify`, which also writes `\b` and `\f` where spec 06 section D2 wants `\u00xx`.
 */
export function quoted(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === QUOTE || code === BACKSLASH || (code >= 0x7f && code <= 0x9f)) {
      return `"${text.replace(UNSAFE, escape)}"`;
    }
  }
  return '"' + text + '"';
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNSAFE = /["\\\x00-\x1f\x7f-\x9f]/g;
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g;

/** A text record is one line whatever its message holds, and cannot speak to a terminal. */
export function oneLine(text: string): string {
  return text.replace(CONTROLS, escape);
}

function escape(character: string): string {
  switch (character) {
    case '"':
      return '\\"';
    case "\\":
      return "\\\\";
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    default:
      return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
  }
}
