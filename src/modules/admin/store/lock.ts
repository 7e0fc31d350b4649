/**
 * `.snapshot.lock`: held around every change of the store, by gateways and by the command line (spec 01
 * section 11). The system takes it away when its holder ends, however that ends.
 *
 * @module
 */
import { StoreError, storeError } from "./files.ts";

const LOCK_NAME = ".snapshot.lock";
/** How long another process is waited for. */
const WAIT_MS = 5_000;
const POLL_MS = 20;

/** Runs `job` while no other process changes the store. */
export async function withLock<T>(root: string, job: () => Promise<T> | T): Promise<T> {
  const path = `${root}/${LOCK_NAME}`;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw storeError(`${path} cannot be opened`, error);
  }
  try {
    const [entry, opened] = [Deno.lstatSync(path), file.statSync()];
    if (entry.isSymlink || entry.ino !== opened.ino || !opened.isFile) {
      throw new StoreError("damaged", `${path} is not a regular file`);
    }
    const until = performance.now() + WAIT_MS;
    while (!file.tryLockSync(true)) {
      if (performance.now() > until) {
        throw new StoreError("busy", `the snapshot store ${root} is in use by another process`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return await job();
  } finally {
    file.close();
  }
}
