/** Objects as they are (spec 04 section 7.3). @module */
import {
  decodeHead,
  encodeHead,
  MAX_BEGINNING_BYTES,
  type ObjectHead,
  type ReadHead,
} from "../object_file.ts";
import {
  type Encoded,
  type ObjectFormat,
  readFully,
  type Source,
  type StoredBytes,
} from "./format.ts";

const READ_BYTES = 64 * 1024;

/** The format of caches without encryption. */
export const plainFormat: ObjectFormat = {
  encode(object: ObjectHead, body: Source): Encoded {
    const head = encodedHead(object);
    return {
      bytes: head.length + body.length,
      *pieces() {
        yield head;
        yield* body.pieces();
      },
    };
  },
  open(key, stored) {
    const bytes = new Uint8Array(Math.min(MAX_BEGINNING_BYTES, stored.bytes));
    const head = decodeHead(bytes.subarray(0, readFully(stored, bytes, 0)), stored.bytes);
    if (head === undefined || head.key !== key) return "damaged";
    return { head, body: () => bodyOf(stored, head) };
  },
  mostBytes: (bodyBytes) => bodyBytes + MAX_BEGINNING_BYTES,
};

/** @throws When it is too large. */
export function encodedHead(object: ObjectHead): Uint8Array {
  const head = encodeHead(object);
  if (head === undefined) throw new Error("its head is too large");
  return head;
}

function* bodyOf(stored: StoredBytes, { bodyAt, bodyBytes }: ReadHead): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, bodyBytes));
  for (let at = 0; at < bodyBytes;) {
    const count = stored.read(
      buffer.subarray(0, Math.min(buffer.length, bodyBytes - at)),
      bodyAt + at,
    );
    if (count === 0) throw new Error("it is shorter than recorded");
    at += count;
    yield buffer.subarray(0, count);
  }
}
