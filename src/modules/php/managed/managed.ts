/** The managed php-fpm of a table. @module */
import type { RouteScope } from "../../../gateway/module.ts";
import type { EnabledPhp } from "../table.ts";
import { type ManagedFiles, managedFiles } from "./files.ts";
import type { FpmConfig } from "./process_keys.ts";

/** A table in managed mode that has what it needs. */
export interface ManagedFpm {
  readonly fpm: FpmConfig & { readonly php_fpm_binary: string; readonly socket_dir: string };
  readonly files: ManagedFiles;
}

/** The managed php-fpm of a table; `undefined` in external mode, and where something is missing. */
export function managedOf(
  { fpm }: EnabledPhp,
  scope: RouteScope,
): ManagedFpm | undefined {
  const { mode, php_fpm_binary, socket_dir } = fpm;
  if (mode !== "managed" || php_fpm_binary === undefined || socket_dir === undefined) {
    return undefined;
  }
  const complete = { ...fpm, php_fpm_binary, socket_dir };
  return { fpm: complete, files: managedFiles(complete, scope) };
}
