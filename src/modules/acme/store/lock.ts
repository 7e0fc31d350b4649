/**
 * Locks between processes with the same storage: of the system, on files. The system gives one back when its process
 * ends, however that ends, so no lock is ever left behind, and an empty or old file locks nothing. Where the storage is
 * on a network, its protocol has to pass them on (NFS 4 does).
 *
 * @module
 */
import { segmentOf } from "../storage_names.ts";
import { makeDirectory } from "./files.ts";

/** Path of the lock of one certificate. */
export function targetLock(storage: string, vhost: string): string {
  return `${storage}/locks/${segmentOf(`vhost ${vhost}`)}`;
}

/** Path of the lock of the account at one issuer. */
export function accountLock(storage: string, issuer: string): string {
  return `${storage}/locks/${segmentOf(`account ${issuer}`)}`;
}

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

/** As {@linkcode withLock} with all of `paths`; none is held longer than `job` takes, and none where one is busy. */
export async function withLocks<T>(
  paths: readonly string[],
  job: () => Promise<T>,
): Promise<"busy" | { readonly value: T }> {
  const [first, ...rest] = paths;
  if (first === undefined) return { value: await job() };
  const inner = await withLock(first, () => withLocks(rest, job));
  return inner === "busy" ? inner : inner.value;
}
