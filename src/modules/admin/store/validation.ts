/**
 * `self-healing.toml` in the snapshot store: the snapshot that is known to be good, and the one that is
 * being watched. It outlives the process, so that one which is killed in the middle of a validation window
 * does not come back with the configuration that was never confirmed.
 *
 * @module
 */
import { parse, stringify } from "smol-toml";
import { readText, StoreError, writeText } from "./files.ts";
import { isId } from "./ids.ts";

const MAX_BYTES = 64 * 1024;

/** A snapshot that is being watched. */
export interface Pending {
  readonly target_snapshot: string;
  /** What is gone back to. */
  readonly previous_snapshot: string;
  readonly impact: "noop" | "snapshot";
  readonly expires_unix_secs: number;
  readonly successful_checks: number;
  readonly failed_checks: number;
}

/** What is known about snapshots. */
export interface Validation {
  readonly known_good: string | undefined;
  readonly pending: Pending | undefined;
  /** The last one that was rolled back, and why. */
  readonly rejected: { readonly snapshot: string; readonly reason: string } | undefined;
}

/** Of a store in which nothing has been watched yet. */
export const NOTHING_KNOWN: Validation = {
  known_good: undefined,
  pending: undefined,
  rejected: undefined,
};

/**
 * Reads what a store knows.
 *
 * @throws {StoreError} when the file is damaged.
 */
export function readValidation(root: string): Validation {
  const path = pathOf(root);
  const text = readText(path, MAX_BYTES);
  if (text === undefined) return NOTHING_KNOWN;
  try {
    const table = parse(text);
    return {
      known_good: optionalId(table.known_good),
      pending: table.pending === undefined ? undefined : pendingOf(table.pending),
      rejected: table.rejected === undefined ? undefined : rejectedOf(table.rejected),
    };
  } catch {
    throw new StoreError("damaged", `${path} is not what self-healing wrote; remove it`);
  }
}

/** Writes it; with the lock held. */
export function writeValidation(root: string, { known_good, pending, rejected }: Validation): void {
  writeText(
    pathOf(root),
    stringify({
      ...(known_good === undefined ? {} : { known_good }),
      ...(pending === undefined ? {} : { pending: { ...pending } }),
      ...(rejected === undefined ? {} : { rejected: { ...rejected } }),
    }),
  );
}

function pathOf(root: string): string {
  return `${root}/self-healing.toml`;
}

function pendingOf(value: unknown): Pending {
  const table = tableOf(value);
  const { impact } = table;
  if (impact !== "noop" && impact !== "snapshot") throw new TypeError("impact");
  return {
    target_snapshot: idOf(table.target_snapshot),
    previous_snapshot: idOf(table.previous_snapshot),
    impact,
    expires_unix_secs: countOf(table.expires_unix_secs),
    successful_checks: countOf(table.successful_checks),
    failed_checks: countOf(table.failed_checks),
  };
}

function rejectedOf(value: unknown): Validation["rejected"] {
  const { snapshot, reason } = tableOf(value);
  if (typeof reason !== "string") throw new TypeError("reason");
  return { snapshot: idOf(snapshot), reason };
}

function tableOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("no table");
  }
  return { ...value };
}

function optionalId(value: unknown): string | undefined {
  return value === undefined ? undefined : idOf(value);
}

function idOf(value: unknown): string {
  if (typeof value !== "string" || !isId(value)) throw new TypeError("no id");
  return value;
}

function countOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new TypeError("no number");
  }
  return value;
}
