/** Calls of the admin API to the keeper, and the answers that it passes on. @module */
import { isTable } from "./api/plain.ts";
import type { Plain } from "../../gateway/threads/thread.ts";

/** Names of the calls that the keeper takes of the control service. */
export const KEEPER_CALLS = [
  "admin.status",
  "admin.live",
  "admin.snapshots",
  "admin.changes",
  "admin.snapshot",
  "admin.rollback",
  "admin.reload",
  "admin.reload-config",
  "admin.heal",
  "admin.enforce",
] as const;

/** One of these. */
export type KeeperCall = typeof KEEPER_CALLS[number];

/** What an operation came to: a status and a body, as the endpoints have them. */
export interface Outcome {
  readonly status: number;
  readonly body: { readonly [key: string]: Plain };
}

/** An endpoint's failure (spec 06 part A2). */
export function failure(status: number, text: string): Outcome {
  return { status, body: { status: "error", error: text } };
}

/** The outcome in an answer of the keeper. */
export function outcomeIn(value: Plain): Outcome | undefined {
  if (!isTable(value)) return undefined;
  const { status, body } = value;
  if (typeof status !== "number" || body === undefined || !isTable(body)) return undefined;
  return { status, body };
}
