/**
 * Objects that are encrypted with a key of this machine (spec 04 section 8.2): AES-256-GCM under a key for each
 * object, which is derived from the configured key and a random salt. The head is sealed by itself and the body
 * in blocks; each is bound to its place, and the last one to being the last.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { decodeHead, MAX_BEGINNING_BYTES, type ObjectHead } from "../object_file.ts";
import {
  associatedData,
  type Envelope,
  envelopeHead,
  MAX_ENVELOPE_BYTES,
  readEnvelope,
} from "./envelope.ts";
import {
  type Encoded,
  type ObjectFormat,
  readFully,
  type Source,
  type StoredBytes,
} from "./format.ts";
import { encodedHead } from "./plain.ts";

const CIPHER = "aes-256-gcm";
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const BLOCK_BYTES = 64 * 1024;
const SEALED_BLOCK_BYTES = BLOCK_BYTES + TAG_BYTES;
/** Bytes of the length of the sealed head. */
const LENGTH_BYTES = 4;

// What a sealed piece is.
const BLOCK = 0;
const LAST_BLOCK = 1;
const HEAD = 2;

/** The format with a 256-bit key. */
export function localSeal(keyId: string, masterKey: Uint8Array): ObjectFormat {
  const keyOf = (salt: Uint8Array) =>
    new Uint8Array(hkdfSync("sha256", masterKey, salt, "fluxheim-cache-object-v1", 32));
  return {
    encode(object: ObjectHead, body: Source): Encoded {
      const salt = new Uint8Array(randomBytes(SALT_BYTES));
      const sealer = new Sealer(keyOf(salt), associatedData(keyId, object.key));
      const head = sealer.seal(encodedHead(object), 0, HEAD);
      const blocks = Math.max(1, Math.ceil(body.length / BLOCK_BYTES));
      const bytes = LENGTH_BYTES + head.length + body.length + blocks * TAG_BYTES;
      const before = envelopeHead({ keyId, key: object.key, nonce: salt, bytes });
      return {
        bytes: before.length + bytes,
        *pieces() {
          yield before;
          const length = new Uint8Array(LENGTH_BYTES);
          new DataView(length.buffer).setUint32(0, head.length);
          yield length;
          yield head;
          yield* sealedBlocks(sealer, body, blocks);
        },
      };
    },
    open(key, stored) {
      const envelope = readEnvelope(stored);
      if (envelope === undefined || envelope.key !== key) return "damaged";
      if (envelope.keyId !== keyId) return "sealed";
      const sealer = new Sealer(keyOf(envelope.nonce), associatedData(keyId, key));
      return opened(stored, envelope, sealer) ?? "damaged";
    },
    mostBytes: (bodyBytes) =>
      MAX_ENVELOPE_BYTES + MAX_BEGINNING_BYTES + LENGTH_BYTES + TAG_BYTES + bodyBytes +
      TAG_BYTES * (1 + Math.ceil(bodyBytes / BLOCK_BYTES)),
  };
}

function opened(stored: StoredBytes, { at, bytes }: Envelope, sealer: Sealer) {
  const length = new Uint8Array(LENGTH_BYTES);
  if (readFully(stored, length, at) < LENGTH_BYTES) return undefined;
  const headBytes = new DataView(length.buffer).getUint32(0);
  if (headBytes > MAX_BEGINNING_BYTES + TAG_BYTES || headBytes < TAG_BYTES) return undefined;
  const sealed = new Uint8Array(headBytes);
  if (readFully(stored, sealed, at + LENGTH_BYTES) < headBytes) return undefined;
  const plain = sealer.open(sealed, 0, HEAD);
  if (plain === undefined) return undefined;
  const bodyAt = at + LENGTH_BYTES + headBytes;
  const sealedBody = bytes - LENGTH_BYTES - headBytes;
  const blocks = Math.ceil(sealedBody / SEALED_BLOCK_BYTES);
  const bodyBytes = sealedBody - blocks * TAG_BYTES;
  const head = blocks < 1 || bodyBytes < 0
    ? undefined
    : decodeHead(plain, plain.length + bodyBytes);
  if (head === undefined) return undefined;
  return {
    head,
    *body(): Generator<Uint8Array> {
      const buffer = new Uint8Array(Math.min(SEALED_BLOCK_BYTES, sealedBody));
      for (let i = 0, left = sealedBody; i < blocks; i++) {
        const piece = buffer.subarray(0, Math.min(SEALED_BLOCK_BYTES, left));
        const isRead = readFully(stored, piece, bodyAt + i * SEALED_BLOCK_BYTES) === piece.length;
        const kind = i === blocks - 1 ? LAST_BLOCK : BLOCK;
        const plain = isRead ? sealer.open(piece, i + 1, kind) : undefined;
        if (plain === undefined) throw new Error("it is not what was written");
        left -= piece.length;
        if (plain.length > 0) yield plain;
      }
    },
  };
}

/** Cuts a body into blocks and seals each. */
function* sealedBlocks(sealer: Sealer, body: Source, blocks: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(BLOCK_BYTES, body.length));
  let filled = 0;
  let block = 0;
  for (const piece of body.pieces()) {
    for (let from = 0; from < piece.length;) {
      const count = Math.min(piece.length - from, buffer.length - filled);
      buffer.set(piece.subarray(from, from + count), filled);
      filled += count;
      from += count;
      // The last one is sealed as such, when all has come.
      if (filled === buffer.length && block < blocks - 1) {
        yield sealer.seal(buffer, ++block, BLOCK);
        filled = 0;
      }
    }
  }
  yield sealer.seal(buffer.subarray(0, filled), ++block, LAST_BLOCK);
}

/** Seals and opens the pieces of one object. */
class Sealer {
  constructor(readonly key: Uint8Array, readonly aad: Uint8Array) {}

  seal(plain: Uint8Array, index: number, kind: number): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.key, nonce(index, kind));
    cipher.setAAD(this.aad);
    const sealed = new Uint8Array(plain.length + TAG_BYTES);
    sealed.set(cipher.update(plain));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plain.length);
    return sealed;
  }

  open(sealed: Uint8Array, index: number, kind: number): Uint8Array | undefined {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return undefined;
    try {
      const decipher = createDecipheriv(CIPHER, this.key, nonce(index, kind));
      decipher.setAAD(this.aad);
      decipher.setAuthTag(sealed.slice(end));
      const plain = new Uint8Array(decipher.update(sealed.subarray(0, end)));
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }
}

/** Unique under the key of one object. */
function nonce(index: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind);
  view.setUint32(8, index);
  return bytes;
}
