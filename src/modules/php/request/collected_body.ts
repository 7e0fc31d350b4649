/**
 * The body of a request, complete before anything of it goes to php-fpm: a script cannot tell a body that
 * broke off from a whole one (spec 07 section 10).
 *
 * @module
 */
import { LARGE } from "../../../net/buffers.ts";
import { type Body, BodyError } from "../../../http/body.ts";
import type { InputSource } from "../../../net/fastcgi/mod.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { SpoolFile } from "./spool.ts";

/** Where bodies are collected. */
export interface SpoolSettings {
  /** Larger bodies go to a file. */
  readonly threshold: number;
  readonly directory: string;
}

/** A body that finds no room in memory, and has no file to go to. */
export class NoRoom extends Error {}

/** Told why a body could not be written to a file. */
export type OnSpoolFault = (reason: string) => void;

/** Bytes of a body that is in memory are kept in pieces of this size. */
const PIECE_BYTES = 64 * 1024;

/** A body that is complete; every attempt reads it from its beginning. */
export class CollectedBody {
  #pieces: Uint8Array[] = [];
  #file: SpoolFile | undefined;
  #length = 0;
  readonly #memory: MemoryBudget;
  /** Readers that are not done, and the owner. */
  #users = 1;

  private constructor(memory: MemoryBudget) {
    this.#memory = memory;
  }

  /** Bytes in all. */
  get length(): number {
    return this.#length;
  }

  /** Whether it is in a file. */
  get isSpooled(): boolean {
    return this.#file !== undefined;
  }

  /**
   * Reads `body` to its end.
   *
   * @param keep Whether its bytes are wanted; they are read in any case.
   * @param memory Where there is no room, it goes to its file at once.
   * @throws {BodyError} The body's own, and 500 when it cannot be written to the file.
   * @throws {NoRoom}
   */
  static async of(
    body: Body,
    keep: boolean,
    spool: SpoolSettings | undefined,
    memory: MemoryBudget,
    onFault: OnSpoolFault,
  ): Promise<CollectedBody> {
    const collected = new CollectedBody(memory);
    const buffer = LARGE.take();
    try {
      for (;;) {
        const reading = body.read(buffer);
        const count = typeof reading === "object" && reading !== null ? await reading : reading;
        if (count === null) return collected;
        if (keep) collected.#append(buffer.subarray(0, count), spool);
      }
    } catch (error) {
      collected.release();
      body.cancel();
      if (error instanceof BodyError || error instanceof NoRoom) throw error;
      onFault(error instanceof Error ? error.message : String(error));
      throw new BodyError(500, "the body could not be written to its spool file");
    } finally {
      LARGE.give(buffer);
    }
  }

  /** A reader of its own; `undefined` where there is nothing to read. */
  reader(): BodyReader | undefined {
    if (this.#length === 0) return undefined;
    this.#users++;
    return new BodyReader(this);
  }

  /** One user less; the last one frees it. */
  release(): void {
    if (--this.#users > 0) return;
    this.#file?.close();
    this.#file = undefined;
    this.#dropPieces();
  }

  /** @returns How many bytes, 0 at the end. */
  readAt(position: number, into: Uint8Array): number {
    if (this.#file !== undefined) return this.#file.read(into, position);
    const piece = this.#pieces[Math.floor(position / PIECE_BYTES)];
    if (piece === undefined) return 0;
    const start = position % PIECE_BYTES;
    const isLast = position - start + PIECE_BYTES >= this.#length;
    const end = isLast ? this.#length - (position - start) : PIECE_BYTES;
    const part = piece.subarray(start, Math.min(end, start + into.length));
    into.set(part);
    return part.length;
  }

  #append(bytes: Uint8Array, spool: SpoolSettings | undefined): void {
    if (
      this.#file === undefined && spool !== undefined &&
      this.#length + bytes.length > spool.threshold
    ) this.#moveToFile(spool.directory);
    if (this.#file !== undefined) {
      this.#file.append(bytes);
      this.#length += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length;) {
      const start = this.#length % PIECE_BYTES;
      if (start === 0 && !this.#addPiece()) {
        if (spool === undefined) throw new NoRoom("too many bodies are in memory");
        this.#moveToFile(spool.directory);
        return this.#append(bytes.subarray(at), spool);
      }
      const part = bytes.subarray(at, at + PIECE_BYTES - start);
      this.#pieces[this.#pieces.length - 1].set(part, start);
      this.#length += part.length;
      at += part.length;
    }
  }

  #moveToFile(directory: string): void {
    const file = SpoolFile.in(directory);
    this.#file = file;
    for (const [i, piece] of this.#pieces.entries()) {
      file.append(piece.subarray(0, Math.min(PIECE_BYTES, this.#length - i * PIECE_BYTES)));
    }
    this.#dropPieces();
  }

  #addPiece(): boolean {
    if (!this.#memory.tryTake(PIECE_BYTES)) return false;
    this.#pieces.push(new Uint8Array(PIECE_BYTES));
    return true;
  }

  #dropPieces(): void {
    this.#memory.giveBack(this.#pieces.length * PIECE_BYTES);
    this.#pieces = [];
  }
}

/** Reads a collected body once, from its beginning. */
export class BodyReader implements InputSource {
  readonly #body: CollectedBody;
  #at = 0;
  #isDone = false;

  constructor(body: CollectedBody) {
    this.#body = body;
  }

  read(into: Uint8Array): number | null {
    const count = this.#isDone ? 0 : this.#body.readAt(this.#at, into);
    this.#at += count;
    if (count > 0) return count;
    if (!this.#isDone && this.#at < this.#body.length) {
      throw new Error("the spool file got shorter");
    }
    return null;
  }

  /** The body is not needed any more; further calls do nothing. */
  done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#body.release();
  }
}
