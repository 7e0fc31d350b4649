/**
 * One permission that a configuration needs.
 *
 * @module
 */
import type { Grant } from "../../gateway/module.ts";

/** The kinds of permission a plan uses, in the order they are printed. The rest is never asked for. */
export const PERMISSION_KINDS = ["net", "read", "write", "run", "env", "sys"] as const;

/** A kind of permission. */
export type PermissionKind = typeof PERMISSION_KINDS[number];

/** One thing a configuration needs the runtime to allow. */
export interface PlannedGrant extends Grant {
  readonly kind: PermissionKind;
  /** Without it the program works, only something small is left out (the pid file). */
  readonly optional: boolean;
}
