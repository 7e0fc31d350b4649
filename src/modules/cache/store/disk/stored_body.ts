/** The bodies of objects in memory on their way to the disk. @module */
import { createHash } from "node:crypto";
import type { BlockCursor } from "../blocks.ts";
import type { Source } from "../formats/format.ts";
import type { MemoryStore, Times } from "../memory.ts";
import { DATED, EXPIRES, IF_ERROR, LENGTH, WHILE_REVALIDATE } from "../slot_words.ts";

/** The body of an object in memory, which is held. */
export class StoredBody implements Source {
  readonly length: number;
  readonly sha256: string;

  constructor(readonly store: MemoryStore, readonly slot: number) {
    this.length = store.index.float(slot, LENGTH);
    const hash = createHash("sha256");
    for (const piece of this.pieces()) hash.update(piece.slice());
    this.sha256 = hash.digest("hex");
  }

  *pieces(): Generator<Uint8Array> {
    const inline = this.store.inline(this.slot);
    if (inline !== undefined) {
      yield inline;
      return;
    }
    const cursor: BlockCursor = this.store.cursor(this.slot);
    for (let at = 0; at < this.length;) {
      if (!cursor.seek(at) || cursor.bytes === undefined) throw new Error("a block is missing");
      const end = Math.min(this.length, cursor.start + cursor.length);
      yield cursor.bytes.subarray(at - cursor.start, end - cursor.start);
      at = end;
    }
  }
}

/** The times of an object in memory. */
export function timesOf({ index }: MemoryStore, slot: number): Times {
  return {
    datedMs: index.float(slot, DATED),
    expiresMs: index.float(slot, EXPIRES),
    whileRevalidateMs: index.float(slot, WHILE_REVALIDATE),
    ifErrorMs: index.float(slot, IF_ERROR),
  };
}
