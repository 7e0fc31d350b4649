/**
 * What outlives the process of a pool: overrides, weights and sessions in one JSON file (spec 03 section 17).
 * Members are named by their keys of 64 bits, which are read and written without loss.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { readSmall } from "../discovery/file.ts";

/** Largest file. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_OVERRIDES = 4096;
const MAX_KEY_BYTES = 512;
const VERSION = 1;

/** States that are saved. */
const STATES = ["drained", "disabled", "forced_down"] as const;
/** One of these. */
export type SavedState = typeof STATES[number];

/** The content of a state file. */
export interface PoolState {
  readonly states: readonly {
    readonly key: bigint;
    readonly state: SavedState;
    readonly at: number;
  }[];
  readonly weights: readonly {
    readonly key: bigint;
    readonly weight: number;
    readonly at: number;
  }[];
  readonly sessions:
    | readonly {
      /** One byte a character. */
      readonly key: string;
      readonly member: bigint;
      readonly secondsLeft: number;
    }[]
    | undefined;
}

/** Bounds of what a file may hold. */
export interface StateBounds {
  readonly maxSessions: number;
  readonly ttlSecs: number;
}

/** The file beside `path` that is written first. */
export function temporaryOf(path: string): string {
  return `${path}.new`;
}

/**
 * Reads a state file.
 *
 * @returns `undefined` where there is none.
 * @throws {Error} When it cannot be used, all of it, with the reason.
 */
export function readState(path: string, bounds: StateBounds): PoolState | undefined {
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return parseState(readSmall(path, MAX_BYTES), bounds);
}

/** Writes a state file beside the old one, and puts it into its place when it is on the disk. */
export function writeState(path: string, state: PoolState): void {
  const bytes = new TextEncoder().encode(stateText(state));
  if (bytes.length > MAX_BYTES) throw new Error(`it would have more than ${MAX_BYTES} bytes`);
  const there = factsOf(path);
  if (there !== undefined && !there.isFile) throw new Error("there is something that is no file");
  const temporary = temporaryOf(path);
  if (factsOf(temporary) !== undefined) Deno.removeSync(temporary);
  const fd = openSync(temporary, "wx", 0o600);
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** The file beside `path` that holds what was refused, so that it is not written over. */
function refusedOf(path: string): string {
  return `${path}.refused`;
}

/** Moves a file that cannot be used out of the way of the next one. */
export function keepRefused(path: string): void {
  try {
    Deno.renameSync(path, refusedOf(path));
  } catch {
    // It stays where it is until it is written over; the log has its name.
  }
}

function factsOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Keys are larger than the numbers of JSON in this language, so they are written as digits by hand. */
export function stateText({ states, weights, sessions }: PoolState): string {
  const overrides = states.map(({ key, state, at }) =>
    `{"key":${key},"state":"${state}","changed_at_unix_secs":${at}}`
  );
  const given = weights.map(({ key, weight, at }) =>
    `{"key":${key},"weight":${weight},"changed_at_unix_secs":${at}}`
  );
  const entries = sessions?.map(({ key, member, secondsLeft }) => {
    const bytes = Array.from(key, (char) => char.charCodeAt(0)).join(",");
    return `{"key":[${bytes}],"backend_key":${member},"ttl_remaining_secs":${secondsLeft}}`;
  });
  const persistence = entries === undefined ? "null" : `{"entries":[${entries.join(",")}]}`;
  return `{"version":${VERSION},"runtime_overrides":{"states":[${overrides.join(",")}],` +
    `"weights":[${given.join(",")}]},"persistence":${persistence}}\n`;
}

/** @throws {Error} With the reason why all of it is refused. */
export function parseState(text: string, bounds: StateBounds): PoolState {
  const root = parsed(text);
  const { version, runtime_overrides: overrides, persistence } = table(root, "the file");
  if (version !== VERSION) throw new Error("its version is not 1");
  const { states, weights } = table(overrides, "runtime_overrides");
  return {
    states: list(states, "states", MAX_OVERRIDES).map((entry) => {
      const { key, state, changed_at_unix_secs: at } = table(entry, "a state");
      const known = STATES.find((name) => name === state);
      if (known === undefined) throw new Error("it has a state that is none");
      return { key: wide(key), state: known, at: whole(at, 0, 2 ** 32 - 1) };
    }).map(distinct()),
    weights: list(weights, "weights", MAX_OVERRIDES).map((entry) => {
      const { key, weight, changed_at_unix_secs: at } = table(entry, "a weight");
      return { key: wide(key), weight: whole(weight, 1, 1000), at: whole(at, 0, 2 ** 32 - 1) };
    }).map(distinct()),
    sessions: persistence === null ? undefined : sessionsIn(persistence, bounds),
  };
}

function sessionsIn(
  persistence: unknown,
  { maxSessions, ttlSecs }: StateBounds,
): PoolState["sessions"] {
  const { entries } = table(persistence, "persistence");
  return list(entries, "entries", maxSessions).map((entry) => {
    const { key, backend_key: member, ttl_remaining_secs: left } = table(entry, "an entry");
    const bytes = list(key, "a key", MAX_KEY_BYTES).map((byte) => whole(byte, 0, 255));
    if (bytes.length === 0) throw new Error("it has an empty key");
    return {
      key: String.fromCharCode(...bytes),
      member: wide(member),
      secondsLeft: whole(left, 1, ttlSecs),
    };
  }).map(distinct());
}

/** Numbers of 64 bits are kept as they are written. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (name, value, context?: { readonly source?: string }) => {
      const isKey = (name === "key" || name === "backend_key") && typeof value === "number";
      return isKey ? BigInt(context?.source ?? value) : value;
    });
  } catch {
    throw new Error("it is not JSON");
  }
}

function table(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${what} is not a table`);
  }
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  if (value.length > max) throw new Error(`${what} has more than ${max} entries`);
  return value;
}

function whole(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new Error(`it has a number that is not from ${min} to ${max}`);
  }
  return value;
}

function wide(value: unknown): bigint {
  if (typeof value !== "bigint" || value < 0n || value >= 1n << 64n) {
    throw new Error("it has a key that is not one of 64 bits");
  }
  return value;
}

/** Passes entries on whose keys differ. */
function distinct<T extends { readonly key: unknown }>(): (entry: T) => T {
  const seen = new Set<unknown>();
  return (entry) => {
    if (seen.has(entry.key)) throw new Error("it has an entry twice");
    seen.add(entry.key);
    return entry;
  };
}
