/** The layout with many objects in each of a few large files (spec 04 section 7.5). @module */
import fs from "node:fs";
import type { Encoded, StoredBytes } from "../formats/format.ts";
import { lstat } from "../object_reader.ts";
import type { Backend, BinsUse, Lying, Recorded, Room } from "./backend.ts";
import { BinRange, BinSpace } from "./bin_space.ts";
import { replaceFile } from "./checkpoint.ts";
import { makeDirectory } from "./files.ts";

const MANIFEST = ".fluxheim-storage-bin-v1";
const INDEX = ".fluxheim-storage-bin-index-v1";
const LOCK = ".fluxheim-storage-bin.lock";
const MANIFEST_MAGIC = "FLUXHEIM-STORAGE-BIN-v1";
const INDEX_MAGIC = "FLUXHEIM-STORAGE-BIN-INDEX-v1";
const LINE = /^([0-9a-f]{64})\t([0-9]{1,9})\t([0-9]{1,15})\t([0-9]{1,15})\t([0-9]{1,15})$/;
const MAX_INDEX_BYTES = 256 * 1024 * 1024;
const ZEROS = new Uint8Array(1024 * 1024);

/** Settings of the layout. */
export interface BinOptions {
  readonly root: string;
  readonly binBytes: number;
  readonly maxBytes: number;
  readonly preallocate: boolean;
  readonly maxOpenBins: number;
}

/** Bins below one root. */
export class BinsBackend implements Backend {
  readonly #options: BinOptions;
  readonly #space: BinSpace;
  readonly #ranges = new Map<string, BinRange>();
  readonly #used = new Map<string, number>();
  /** Open bins, in the order of their last use. */
  readonly #open = new Map<number, number>();
  readonly #lock: Deno.FsFile;

  /** @throws When the root cannot be used, belongs to another process or has other settings. */
  constructor(options: BinOptions) {
    this.#options = options;
    const { root } = options;
    makeDirectory(root);
    this.#lock = lockOf(`${root}/${LOCK}`);
    try {
      makeDirectory(`${root}/bins`);
      this.#checkManifest();
      this.#space = new BinSpace(options.binBytes, options.maxBytes);
      this.#readIndex();
    } catch (error) {
      this.#lock.close();
      throw error;
    }
  }

  get space(): BinsUse {
    return this.#space.use;
  }

  reserve(bytes: number): Room | undefined {
    return this.#space.take(bytes);
  }

  release(room: Room): void {
    this.#space.free(room as BinRange);
    this.#trim();
  }

  async write(key: string, room: Room, encoded: Encoded, isStill: () => boolean): Promise<void> {
    const range = room as BinRange;
    // It stays while it is written, even if it is given back meanwhile.
    range.readers++;
    try {
      const fd = await this.#binFor(range.bin);
      let at = range.offset;
      for (const piece of encoded.pieces()) {
        for (let from = 0; from < piece.length;) {
          from += fs.writeSync(fd, piece, from, piece.length - from, at + from);
        }
        at += piece.length;
      }
      if (at !== range.offset + range.length) throw new Error("it is not as long as announced");
      fs.fdatasyncSync(fd);
      if (!isStill()) throw new Error("it was purged or replaced meanwhile");
      this.remove(key);
      this.#ranges.set(key, range);
    } catch (error) {
      this.#space.free(range);
      throw error;
    } finally {
      this.#space.unread(range);
    }
  }

  /** The checkpoint is what is read after a crash, and it comes later. */
  settle(): Promise<void> {
    return Promise.resolve();
  }

  open(key: string): StoredBytes | undefined {
    const range = this.#ranges.get(key);
    if (range === undefined) return undefined;
    range.readers++;
    let isOpen = true;
    return {
      bytes: range.length,
      read: (into, at) => {
        const count = Math.min(into.length, range.length - at);
        return count <= 0
          ? 0
          : fs.readSync(this.#fdOf(range.bin), into, 0, count, range.offset + at);
      },
      close: () => {
        if (isOpen) this.#space.unread(range);
        isOpen = false;
      },
    };
  }

  remove(key: string): void {
    const range = this.#ranges.get(key);
    if (range === undefined) return;
    this.#ranges.delete(key);
    this.#space.free(range);
    this.#trim();
  }

  *list(): Generator<Lying> {
    for (const [key, { length }] of [...this.#ranges]) {
      yield { key, bytes: length, usedMs: this.#used.get(key) ?? 0 };
    }
    this.#used.clear();
  }

  record(objects: Iterable<Recorded>): void {
    let text = INDEX_MAGIC + "\n";
    for (const { key, usedMs } of objects) {
      const range = this.#ranges.get(key);
      if (range === undefined) continue;
      text += `${key}\t${range.bin}\t${range.offset}\t${range.length}\t${Math.floor(usedMs)}\n`;
    }
    replaceFile(`${this.#options.root}/${INDEX}`, text);
  }

  close(): void {
    for (const fd of this.#open.values()) fs.closeSync(fd);
    this.#open.clear();
    this.#lock.close();
  }

  #checkManifest(): void {
    const { root, binBytes, maxBytes, preallocate, maxOpenBins } = this.#options;
    const path = `${root}/${MANIFEST}`;
    const text = [MANIFEST_MAGIC, binBytes, maxBytes, preallocate, maxOpenBins, ""].join("\n");
    const stats = lstat(path);
    if (stats === undefined) return replaceFile(path, text);
    const isSame = stats.isFile && !stats.isSymlink && stats.size === text.length &&
      Deno.readTextFileSync(path) === text;
    if (isSame) return;
    throw new Error(
      `${root} was made for other sizes of bins: use a new directory, or empty this one`,
    );
  }

  /** @throws When it cannot be right. */
  #readIndex(): void {
    const path = `${this.#options.root}/${INDEX}`;
    const stats = lstat(path);
    if (stats === undefined) return;
    if (!stats.isFile || stats.isSymlink || stats.size > MAX_INDEX_BYTES) {
      throw new Error(`${path} is not an index of this cache`);
    }
    const [first, ...lines] = Deno.readTextFileSync(path).split("\n");
    if (first !== INDEX_MAGIC || lines.pop() !== "") {
      throw new Error(`${path} is not an index of this cache`);
    }
    for (const line of lines) {
      const match = LINE.exec(line);
      if (match === null) throw new Error(`${path} has a line that cannot be read`);
      const [bin, offset, length, usedMs] = match.slice(2).map(Number);
      this.#ranges.set(match[1], new BinRange(bin, offset, length));
      this.#used.set(match[1], usedMs);
    }
    this.#space.claim([...this.#ranges.values()]);
  }

  #pathOf(bin: number): string {
    return `${this.#options.root}/bins/${bin.toString(16).padStart(16, "0")}.fhbin`;
  }

  /** The open bin for a write; it is made where there is none. */
  async #binFor(bin: number): Promise<number> {
    const path = this.#pathOf(bin);
    const stats = lstat(path);
    if (stats !== undefined && (!stats.isFile || stats.isSymlink)) {
      throw new Error("a bin of the cache is not a regular file");
    }
    if (stats === undefined) {
      fs.closeSync(fs.openSync(path, "wx+", 0o600));
      if (this.#options.preallocate) await this.#fill(bin);
    }
    return this.#fdOf(bin);
  }

  /** Writes zeros: the runtime cannot reserve space in another way. */
  async #fill(bin: number): Promise<void> {
    const size = this.#space.sizeOf(bin);
    for (let at = 0; at < size;) {
      at += fs.writeSync(this.#fdOf(bin), ZEROS, 0, Math.min(ZEROS.length, size - at), at);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  #fdOf(bin: number): number {
    const known = this.#open.get(bin);
    if (known !== undefined) {
      this.#open.delete(bin);
      this.#open.set(bin, known);
      return known;
    }
    const path = this.#pathOf(bin);
    const stats = lstat(path);
    if (stats === undefined || !stats.isFile || stats.isSymlink) {
      throw new Error("a bin of the cache is gone");
    }
    for (const [other, fd] of this.#open) {
      if (this.#open.size < this.#options.maxOpenBins) break;
      this.#open.delete(other);
      fs.closeSync(fd);
    }
    const fd = fs.openSync(path, "r+");
    this.#open.set(bin, fd);
    return fd;
  }

  #trim(): void {
    for (const bin of this.#space.trim()) {
      const fd = this.#open.get(bin);
      if (fd !== undefined) fs.closeSync(fd);
      this.#open.delete(bin);
      const stats = lstat(this.#pathOf(bin));
      if (stats?.isFile === true && !stats.isSymlink) Deno.removeSync(this.#pathOf(bin));
    }
  }
}

/** @throws When another process has it. */
function lockOf(path: string): Deno.FsFile {
  const stats = lstat(path);
  if (stats !== undefined && (!stats.isFile || stats.isSymlink)) {
    throw new Error(`${path} is not a regular file`);
  }
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new Error(`${path} is held: another process has this cache`);
}
