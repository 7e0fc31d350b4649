/**
 * What `server.process.pid_file` says to another process: who the gateway is, and whether it runs.
 *
 * @module
 */

/** Highest process id that Linux gives out (`PID_MAX_LIMIT`). */
export const MAX_PID = 4_194_304;

/** A number of seven digits with white space around; what is longer was not written by a gateway. */
const MAX_BYTES = 64;

/** What is in a pid file. */
export type FoundPid =
  /** `held`: the gateway that wrote it runs. `stale`: it does not, and the number may be another process's. */
  | { readonly kind: "held" | "stale"; readonly pid: number }
  /** It has no number that a gateway would have written. */
  | { readonly kind: "malformed" };

/**
 * Reads a pid file and looks whether a gateway holds its lock. The look is a lock as well, but a shared
 * one: several at once do not take each other for a gateway.
 *
 * @throws When the file is not there or cannot be read.
 */
export function readPidFile(path: string): FoundPid {
  using file = Deno.openSync(path, { read: true });
  const pid = parsePid(startOf(file));
  if (pid === undefined) return { kind: "malformed" };
  return { kind: file.tryLockSync(false) ? "stale" : "held", pid };
}

/**
 * The process id that `text` is: decimal digits, with white space around. 0 and 1 do not count: the one
 * would be the caller's process group, the other is the init process.
 */
export function parsePid(text: string): number | undefined {
  const [, digits] = /^\s*(\d+)\s*$/.exec(text) ?? [];
  const pid = Number(digits);
  return pid > 1 && pid <= MAX_PID ? pid : undefined;
}

/** The content as text, or nothing when there is more than a pid file has. */
function startOf(file: Deno.FsFile): string {
  const buffer = new Uint8Array(MAX_BYTES + 1);
  const count = file.readSync(buffer) ?? 0;
  return count > MAX_BYTES ? "" : new TextDecoder().decode(buffer.subarray(0, count));
}
