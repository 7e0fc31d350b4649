/**
 * Objects of one worker that outlive a reload: upstream pools, hot files, databases.
 *
 * @module
 */
import type { Kept } from "./module.ts";

interface Entry {
  readonly value: Kept;
  /** Snapshots that have asked for it and are not stopped. */
  users: number;
}

/** All kept objects of one worker, by key. */
export class Keep {
  readonly #entries = new Map<string, Entry>();

  /** How many objects are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The hold of one snapshot on what it asks for. */
  hold(): KeepHold {
    return new KeepHold(this.#entries);
  }
}

/** What one snapshot has asked for. */
export class KeepHold {
  readonly #entries: Map<string, Entry>;
  readonly #held = new Map<string, Entry>();

  constructor(entries: Map<string, Entry>) {
    this.#entries = entries;
  }

  /**
   * The object kept for `key`, made by `make` where there is none.
   *
   * The same key always has the same kind of object: keys begin with the name of the module that makes it.
   */
  get<T extends Kept>(key: string, make: () => T): T {
    let entry = this.#held.get(key) ?? this.#entries.get(key);
    if (entry === undefined) {
      entry = { value: make(), users: 0 };
      this.#entries.set(key, entry);
    }
    if (!this.#held.has(key)) {
      this.#held.set(key, entry);
      entry.users++;
    }
    return entry.value as T;
  }

  /** The snapshot has stopped: closes what no other one asks for. */
  async release(): Promise<void> {
    const closing: Promise<void>[] = [];
    for (const [key, entry] of this.#held) {
      if (--entry.users > 0) continue;
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      if (isClosable(entry.value)) closing.push(Promise.resolve(entry.value.close()));
    }
    this.#held.clear();
    await Promise.all(closing);
  }
}

function isClosable(value: Kept): value is { close(): void | Promise<void> } {
  return "close" in value && typeof value.close === "function";
}
