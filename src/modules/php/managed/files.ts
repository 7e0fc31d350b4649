/**
 * Where the files of a managed php-fpm are. Their name follows from the configuration alone: the permission
 * for the socket is given before any thread of the process starts, by exactly this path.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { zoneName } from "../../../gateway/edge_policy.ts";
import type { RouteScope } from "../../../gateway/module.ts";
import { type FpmConfig, PROCESS_KEYS } from "./process_keys.ts";

/** Paths of one managed php-fpm. */
export interface ManagedFiles {
  readonly socket: string;
  readonly config: string;
  readonly pid: string;
  readonly log: string;
  readonly slowLog: string;
}

/** The files of the pool of a scope; another vhost, route or process setting has others. */
export function managedFiles(
  fpm: FpmConfig & { readonly socket_dir: string },
  scope: RouteScope,
): ManagedFiles {
  const settings = JSON.stringify([
    zoneName("php", scope),
    PROCESS_KEYS.map((key) => fpm[key] ?? null),
  ]);
  const digest = createHash("sha256").update(settings).digest("hex").slice(0, 16);
  const base = `${fpm.socket_dir}/fh-fpm-${digest}`;
  return {
    socket: `${base}.sock`,
    config: `${base}.conf`,
    pid: `${base}.pid`,
    log: `${base}.log`,
    slowLog: `${base}.slow.log`,
  };
}
