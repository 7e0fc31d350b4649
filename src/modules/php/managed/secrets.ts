/**
 * Secrets of the gateway that the code of a site could read: what runs as the same user reads the same files
 * (`fpm.allow_same_user`).
 *
 * @module
 */
import fs from "node:fs";
import type { Config, Problem } from "../../../config/types.ts";
import type { FpmConfig } from "./process_keys.ts";

/** Keys that name a secret, or a directory with some. */
const SECRET_KEY =
  /(^|_)(key_path|key_file|token_file|token_path|secret_file|password_file|ops_socket|storage_dir|snapshot_dir|storage_path|snapshot_path)$/;
/** Most values of a configuration that are looked at. */
const MAX_VALUES = 1_000_000;

const OWNER_READS = 0o400;
const OTHERS_READ = 0o004;

/** A problem for the first secret that workers of `fpm` could read. @param uid Of the gateway; -1 where unknown. */
export function sharedSecrets(config: Config, fpm: FpmConfig, key: string, uid: number): Problem[] {
  if (fpm.allow_same_user) return [];
  for (const path of secretPaths(config)) {
    if (!isReadable(path, fpm.user === undefined, uid)) continue;
    const who = fpm.user === undefined ? "the user of the gateway" : `the user ${fpm.user}`;
    return [{
      key: `${key}.${fpm.user === undefined ? "mode" : "user"}`,
      message: `sites would run as ${who}, who can read ${path}`,
      hint:
        "run the gateway as root with user and group for the sites, or php-fpm as a service of its " +
        "own; allow_same_user = true accepts it",
    }];
  }
  return [];
}

/** @param asGateway Workers run as the user of the gateway, for whom its secrets are there. */
function isReadable(path: string, asGateway: boolean, uid: number): boolean {
  try {
    const { mode, uid: owner } = fs.statSync(path);
    if ((mode & OTHERS_READ) !== 0) return true;
    return asGateway && (uid <= 0 || owner === uid) && (mode & OWNER_READS) !== 0;
  } catch {
    // Not there yet, or not to be seen: what is made will be the gateway's own.
    return asGateway;
  }
}

function* secretPaths(config: Config): Generator<string> {
  const tables: object[] = [config];
  for (let seen = 0; tables.length > 0 && seen < MAX_VALUES; seen++) {
    for (const [name, value] of Object.entries(tables.pop() ?? {})) {
      if (typeof value === "object" && value !== null) tables.push(value);
      else if (typeof value === "string" && value.startsWith("/") && SECRET_KEY.test(name)) {
        yield value;
      }
    }
  }
}
