/**
 * MMDB files on disk: reading one safely, and telling whether it has been replaced.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { DatabaseError, GeoDatabase } from "./database.ts";
import type { GeoProvider } from "./schema.ts";

/** Largest database taken; it is held in memory by each worker. */
const MAX_DATABASE_BYTES = 512 * 1024 * 1024;

/** What tells one file from the one that replaces it. */
export interface FileIdentity {
  readonly bytes: number;
  /** Text that is the same as long as nothing about the file has changed. */
  readonly stamp: string;
  /** User id of its owner; `null` where there are no owners. */
  readonly uid: number | null;
}

/**
 * The identity of the file at `path`, which must be a regular file and not a link.
 *
 * @throws {DatabaseError} when it is none, too large or not there.
 */
export async function identify(path: string): Promise<FileIdentity> {
  return identityOf(await facts(() => Deno.lstat(path)));
}

/**
 * Reads and opens the database at `path`. One that is open in this worker already, for another snapshot,
 * is taken as it is.
 *
 * @param identity What {@linkcode identify} said.
 * @throws {DatabaseError} when it is not a whole database, or changes while it is read.
 */
export async function openDatabase(
  path: string,
  provider: GeoProvider,
  identity: FileIdentity,
): Promise<GeoDatabase> {
  const key = `${provider} ${path}`;
  const last = opened.get(key);
  const shared = last?.stamp === identity.stamp ? last.database.deref() : undefined;
  if (shared !== undefined) return shared;
  const database = await GeoDatabase.open(await readWhole(path, identity), provider);
  opened.set(key, { stamp: identity.stamp, database: new WeakRef(database) });
  return database;
}

/** The last database opened from each path; kept alive by the snapshots that use it. */
const opened = new Map<
  string,
  { readonly stamp: string; readonly database: WeakRef<GeoDatabase> }
>();

async function readWhole(path: string, identity: FileIdentity): Promise<Buffer> {
  using file = await facts(() => Deno.open(path, { read: true }));
  const changed = new DatabaseError("was changed while it was read; replace it by renaming");
  // The path may have been given to another file since it was looked at.
  if (identityOf(await file.stat()).stamp !== identity.stamp) throw changed;
  const bytes = Buffer.alloc(identity.bytes);
  for (let at = 0; at < bytes.length;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw changed;
    at += count;
  }
  if (identityOf(await file.stat()).stamp !== identity.stamp) throw changed;
  return bytes;
}

function identityOf(info: Deno.FileInfo): FileIdentity {
  if (!info.isFile) throw new DatabaseError("must be a regular file and not a symbolic link");
  if (info.size > MAX_DATABASE_BYTES) throw new DatabaseError("must be at most 512 MiB");
  const times = [info.mtime, info.ctime].map((time) => time?.getTime());
  const stamp = [info.dev, info.ino, info.size, ...times].join(" ");
  return { bytes: info.size, stamp, uid: info.uid };
}

/** Turns what an operator can cause into a {@linkcode DatabaseError}. */
async function facts<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw new DatabaseError("must exist", { cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatabaseError(`must be readable: ${reason}`, { cause });
  }
}
