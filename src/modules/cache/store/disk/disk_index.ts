/** What lies on disk, by name, by what it is of, and in the order of its last use. @module */
import type { DiskAsked, DiskEntry } from "./disk_entry.ts";

/** The index of one root. */
export class DiskIndex {
  /** In the order of their last use. */
  #entries = new Map<string, DiskEntry>();
  /** Keys of objects by what they are of, whatever part of it they are, and by both. */
  readonly #byLoose = new Map<string, Set<string>>();
  readonly #byPart = new Map<string, Set<string>>();

  get size(): number {
    return this.#entries.size;
  }

  entries(): Iterable<DiskEntry> {
    return this.#entries.values();
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  get(key: string): DiskEntry | undefined {
    return this.#entries.get(key);
  }

  /** Keys of all objects of a key without scheme and port. */
  keysOf(loose: string): readonly string[] {
    return [...this.#byLoose.get(loose) ?? []];
  }

  /** One of the variants of a part. */
  find({ loose, part, scheme, port }: DiskAsked): DiskEntry | undefined {
    for (const key of this.#byPart.get(loose + part) ?? []) {
      const entry = this.#entries.get(key);
      if (entry?.meta.scheme === scheme && entry.meta.port === port) return entry;
    }
    return undefined;
  }

  add(entry: DiskEntry): void {
    const { key, meta: { loose, part } } = entry;
    this.#entries.set(key, entry);
    put(this.#byLoose, loose, key);
    put(this.#byPart, loose + part, key);
  }

  remove({ key, meta: { loose, part } }: DiskEntry): void {
    this.#entries.delete(key);
    take(this.#byLoose, loose, key);
    take(this.#byPart, loose + part, key);
  }

  /** It was used last of all. */
  touch(entry: DiskEntry): void {
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
  }

  /** By their last use. */
  sort(): void {
    const entries = [...this.#entries.values()].sort((a, b) => a.usedMs - b.usedMs);
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
  }

  /** Variants by other names of fields than those of `entry`: they cannot be found any more. */
  unreachableBy({ key, meta }: DiskEntry): readonly string[] {
    const found: string[] = [];
    for (const other of this.#byPart.get(meta.loose + meta.part) ?? []) {
      const entry = this.#entries.get(other);
      if (other === key || entry === undefined) continue;
      const { scheme, port, vary } = entry.meta;
      if (scheme === meta.scheme && port === meta.port && vary.join() !== meta.vary.join()) {
        found.push(other);
      }
    }
    return found;
  }
}

function put(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  if (keys === undefined) sets.set(name, new Set([key]));
  else keys.add(key);
}

function take(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  keys?.delete(key);
  if (keys?.size === 0) sets.delete(name);
}
