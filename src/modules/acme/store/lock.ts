/**
 * Locks between processes with the same storage: of the system, on files. The system gives one back when its process
 * ends, however that ends, so no lock is ever left behind, and an empty or old file locks nothing. Where the storage is
 * on a network, its protocol has to pass them on (NFS 4 does).
 *
 * @module
 */
import { makeDirectory } from "./files.ts";

/**
 * Runs `job` while no other process holds the lock at `path`.
 *
 * @returns `busy` where another one does.
 */
export async function withLock<T>(
  path: string,
  job: () => Promise<T>,
): Promise<"busy" | { readonly value: T }> {
  // One process has one file open for each of its jobs, and the system tells those apart.
  makeDirectory(path.slice(0, path.lastIndexOf("/")));
  using file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  if (!file.tryLockSync(true)) return "busy";
  return { value: await job() };
}
