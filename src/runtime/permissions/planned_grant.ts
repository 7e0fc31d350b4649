/**
 * One permission that a configuration needs.
 *
 * @module
 */
import type { Grant } from "../../gateway/module.ts";

/** A kind of permission. */
export type PermissionKind = "net" | "read" | "write" | "run" | "env" | "sys";

/** The kinds of permission a plan uses, in the order they are printed. The rest is never asked for. */
export const PERMISSION_KINDS: readonly PermissionKind[] = [
  "net",
  "read",
  "write",
  "run",
  "env",
  "sys",
];

/** One thing a configuration needs the runtime to allow. */
export interface PlannedGrant extends Grant {
  /** Which of the kinds of permission of the runtime. */
  readonly kind: PermissionKind;
  /** Without it the program works, only something small is left out (the pid file). */
  readonly optional: boolean;
}
