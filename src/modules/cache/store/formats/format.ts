/**
 * How objects are encoded on disk. A format is a value of this kind; where its bytes lie is not its concern.
 *
 * @module
 */
import type { ObjectHead } from "../object_file.ts";

/** A body to be written. */
export interface Source {
  readonly length: number;
  readonly sha256: string;
  pieces(): Iterable<Uint8Array>;
}

/** An encoded object. Its pieces are made once, and each is valid until the next one is asked for. */
export interface Encoded {
  readonly bytes: number;
  pieces(): Iterable<Uint8Array>;
}

/** The bytes of an object that lies on disk. */
export interface StoredBytes {
  readonly bytes: number;
  /** Reads at a position; returns how many bytes, 0 at the end. */
  read(into: Uint8Array, at: number): number;
  close(): void;
}

/** An object that was opened. */
export interface OpenedObject {
  readonly head: ObjectHead;
  /**
   * The body, piece by piece; each is valid until the next one is asked for.
   *
   * @throws When it is not what was written.
   */
  body(): Iterable<Uint8Array>;
}

/** Why an object cannot be opened: it is not what was written, or its key is not there at the moment. */
export type Unopened = "damaged" | "sealed";

/** A way of encoding objects. */
export interface ObjectFormat {
  /** @throws When it cannot be encoded. */
  encode(object: ObjectHead, body: Source): Encoded | Promise<Encoded>;
  /** @param key The name that the object must have. */
  open(
    key: string,
    stored: StoredBytes,
  ): OpenedObject | Unopened | Promise<OpenedObject | Unopened>;
  /** Bytes of an object with a body of so many at most. */
  mostBytes(bodyBytes: number): number;
}

/** Reads until `into` is full or the end; returns how many bytes. */
export function readFully(stored: StoredBytes, into: Uint8Array, at: number): number {
  let done = 0;
  while (done < into.length) {
    const count = stored.read(into.subarray(done), at + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
