/** Where signed links are asked for. @module */
import { ownTables } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { SecureLinkConfig } from "./schema.ts";

/** A table that is switched on. */
export type LinkRules = SecureLinkConfig & { readonly secret_file: string };

/** Bounds of a secret. */
export const MIN_SECRET_BYTES = 16;
export const MAX_SECRET_BYTES = 4096;

/** The table of a scope's own, if it is switched on. */
export function rulesOf(scope: RouteScope): LinkRules | undefined {
  const table = ownTables(scope).secure_link;
  if (table?.enabled !== true || table.secret_file === undefined) return undefined;
  return { ...table, secret_file: table.secret_file };
}

/** The secret of a file, without the line break that editors put at its end; `undefined` if it is too short. */
export function secretIn(bytes: Uint8Array): Uint8Array | undefined {
  let end = bytes.length;
  if (bytes[end - 1] === 10) end--;
  if (bytes[end - 1] === 13) end--;
  return end < MIN_SECRET_BYTES ? undefined : bytes.slice(0, end);
}
