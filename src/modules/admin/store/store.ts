/**
 * The snapshot store (spec 01 section 7.1, 06 part A5): effective configurations with an id each, and a
 * pointer to the current one.
 *
 * @module
 */
import { parse, stringify } from "smol-toml";
import { type Draft, draft, DRAFT_PREFIX, guarded, lstat, ownDirectory } from "./files.ts";
import { readText, removeQuietly, StoreError, syncDirectory, writeText } from "./files.ts";
import { isId, SnapshotIds } from "./ids.ts";
import { withLock } from "./lock.ts";

/** Most snapshots of a store. */
export const MAX_SNAPSHOTS = 1024;
const MAX_POINTER_BYTES = 4 * 1024;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const CONFIG_SUFFIX = ".toml";
const META_SUFFIX = ".meta.toml";
/** Keys of a snapshot's metadata. */
const META_KEYS = ["id", "created_unix_secs", "message"];

/** One snapshot in a list. */
export interface SnapshotEntry {
  readonly id: string;
  readonly current: boolean;
  /** 0 where its metadata are missing or damaged. */
  readonly created_unix_secs: number;
  readonly message: string | undefined;
  /** What is wrong with its metadata. */
  readonly problem?: string;
}

/** A snapshot to be stored. */
export interface NewSnapshot {
  readonly id: string;
  /** The effective configuration. */
  readonly text: string;
  readonly message: string | undefined;
  readonly createdUnixSecs: number;
}

/** A store in a directory of its own. */
export class SnapshotStore {
  /** Makes ids for new snapshots. */
  readonly newIds = new SnapshotIds();

  /** @param root Absolute; made when something is first stored. */
  constructor(readonly root: string) {}

  /** Runs `job` while no other process changes the store, which is made if it is not there. */
  async locked<T>(job: () => Promise<T> | T): Promise<T> {
    ownDirectory(this.root);
    ownDirectory(this.#configs);
    return await withLock(this.root, job);
  }

  /** Where the configuration of a snapshot is. */
  configPath(id: string): string {
    return `${this.#configs}/${id}${CONFIG_SUFFIX}`;
  }

  /** Where the pointer is. */
  get pointerPath(): string {
    return `${this.root}/current`;
  }

  /**
   * The id that the pointer names; `undefined` without a pointer.
   *
   * @throws {StoreError} when it does not hold an id.
   */
  current(): string | undefined {
    const text = readText(this.pointerPath, MAX_POINTER_BYTES);
    if (text === undefined) return undefined;
    const id = text.trim();
    if (!isId(id)) throw new StoreError("damaged", `${this.pointerPath} does not hold an id`);
    return id;
  }

  /** Ids of all snapshots, in their order. */
  ids(): readonly string[] {
    return guarded(this.#configs, () => {
      const info = lstat(this.#configs);
      if (info === undefined) return [];
      if (!info.isDirectory) {
        throw new StoreError("damaged", `${this.#configs} must be a directory`);
      }
      const ids: string[] = [];
      for (const { name } of Deno.readDirSync(this.#configs)) {
        if (!name.endsWith(CONFIG_SUFFIX) || name.endsWith(META_SUFFIX)) continue;
        const id = name.slice(0, -CONFIG_SUFFIX.length);
        if (!isId(id)) continue;
        ids.push(id);
        if (ids.length > MAX_SNAPSHOTS) {
          const text = `${this.root} has more than ${MAX_SNAPSHOTS} snapshots; remove old ones`;
          throw new StoreError("damaged", text);
        }
      }
      return ids.sort();
    });
  }

  /** Every snapshot, oldest first. */
  list(): readonly SnapshotEntry[] {
    const current = this.current();
    return this.ids().map((id) => ({ id, current: id === current, ...this.#metaOf(id) }));
  }

  /** Whether there is a snapshot of that id. */
  has(id: string): boolean {
    return isId(id) && guarded(this.root, () => lstat(this.configPath(id))?.isFile === true);
  }

  /**
   * The configuration of a snapshot.
   *
   * @throws {StoreError} when there is none of that id.
   */
  read(id: string): string {
    const text = isId(id) ? readText(this.configPath(id), MAX_FILE_BYTES) : undefined;
    if (text === undefined) throw new StoreError("refused", `there is no snapshot ${id}`);
    return text;
  }

  /** The snapshot to go back to: the one before the current one in the order of ids. */
  previous(): string {
    const ids = this.ids();
    if (ids.length === 0) throw new StoreError("refused", "the snapshot store is empty");
    const current = this.current();
    if (current === undefined) {
      throw new StoreError("refused", "snapshot store has no current pointer");
    }
    const at = ids.indexOf(current);
    if (at < 0) throw new StoreError("refused", `the current snapshot ${current} is not there`);
    if (at === 0) {
      throw new StoreError("refused", `there is no snapshot before the current one, ${current}`);
    }
    return ids[at - 1];
  }

  /** Stores a snapshot; the pointer stays. To be called with the lock held. */
  add({ id, text, message, createdUnixSecs }: NewSnapshot): void {
    this.#removeDrafts();
    if (this.ids().length >= MAX_SNAPSHOTS) {
      const full = `the snapshot store is full: it has ${MAX_SNAPSHOTS} snapshots; ` +
        'remove some with "fluxheim snapshots --prune N"';
      throw new StoreError("refused", full);
    }
    const size = new TextEncoder().encode(text).length;
    if (size > MAX_FILE_BYTES) {
      const most = `the configuration has ${size} bytes; a snapshot has at most ${MAX_FILE_BYTES}`;
      throw new StoreError("refused", most);
    }
    const meta = { id, created_unix_secs: createdUnixSecs };
    // Metadata first: a snapshot that is listed has them.
    writeText(this.#metaPath(id), stringify(message === undefined ? meta : { ...meta, message }));
    try {
      writeText(this.configPath(id), text);
    } catch (error) {
      removeQuietly(this.#metaPath(id));
      throw error;
    }
  }

  /** Writes the pointer aside, so that afterwards moving it needs no room. With the lock held. */
  draftPointer(id: string): Draft {
    return draft(this.pointerPath, `${id}\n`);
  }

  /** Moves the pointer. With the lock held. */
  point(id: string): void {
    writeText(this.pointerPath, `${id}\n`);
  }

  /** Removes snapshots. With the lock held. */
  remove(ids: Iterable<string>): void {
    for (const id of ids) {
      removeQuietly(this.configPath(id));
      removeQuietly(this.#metaPath(id));
    }
    guarded(this.#configs, () => syncDirectory(this.#configs));
  }

  get #configs(): string {
    return `${this.root}/configs`;
  }

  #metaPath(id: string): string {
    return `${this.#configs}/${id}${META_SUFFIX}`;
  }

  #metaOf(id: string): Omit<SnapshotEntry, "id" | "current"> {
    try {
      const text = readText(this.#metaPath(id), MAX_FILE_BYTES);
      return text === undefined ? { created_unix_secs: 0, message: undefined } : metaOf(id, text);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { created_unix_secs: 0, message: undefined, problem: error.message };
    }
  }

  /** What a process that was killed has left behind. */
  #removeDrafts(): void {
    guarded(this.root, () => {
      for (const directory of [this.root, this.#configs]) {
        for (const { name } of Deno.readDirSync(directory)) {
          if (name.startsWith(DRAFT_PREFIX)) removeQuietly(`${directory}/${name}`);
        }
      }
    });
  }
}

function metaOf(id: string, text: string): Omit<SnapshotEntry, "id" | "current"> {
  const damaged = (what: string) => new StoreError("damaged", `the metadata of ${id} ${what}`);
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch {
    throw damaged("are not TOML");
  }
  const unknown = Object.keys(table).find((key) => !META_KEYS.includes(key));
  if (unknown !== undefined) throw damaged(`have an unknown key ${unknown}`);
  if (table.id !== id) throw damaged("are of another snapshot");
  const { created_unix_secs, message } = table;
  if (typeof created_unix_secs !== "number") throw damaged("have no time");
  if (message !== undefined && typeof message !== "string") throw damaged("have no text");
  return { created_unix_secs, message };
}
