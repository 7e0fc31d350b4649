/**
 * The envelope of encrypted objects (spec 04 section 8.1): a magic line, four lengths, then key id, full key,
 * nonce and ciphertext.
 *
 * @module
 */
import { readFully, type StoredBytes } from "./format.ts";

const MAGIC = "FLUXHEIM-CACHE-ENC-v1\n";
const PARTS = 4;
const MAX_LENGTH_DIGITS = 15;
const MAX_LINES_BYTES = MAGIC.length + PARTS * (MAX_LENGTH_DIGITS + 1);
/** Most bytes of key id, full key and nonce. */
const MAX_LABEL_BYTES = 128;
/** Most bytes before the ciphertext. */
export const MAX_ENVELOPE_BYTES: number = MAX_LINES_BYTES + 3 * MAX_LABEL_BYTES;

const encoder = new TextEncoder();

/** What an envelope says of its ciphertext. */
export interface Envelope {
  readonly keyId: string;
  readonly key: string;
  readonly nonce: Uint8Array;
  /** Where the ciphertext begins and how long it is. */
  readonly at: number;
  readonly bytes: number;
}

/** Everything before the ciphertext. */
export function envelopeHead(
  { keyId, key, nonce, bytes }: Omit<Envelope, "at">,
): Uint8Array {
  const lines = [keyId.length, key.length, nonce.length, bytes].map((length) => `${length}\n`);
  const beginning = encoder.encode(MAGIC + lines.join("") + keyId + key);
  const whole = new Uint8Array(beginning.length + nonce.length);
  whole.set(beginning);
  whole.set(nonce, beginning.length);
  return whole;
}

/** Reads the envelope of an object; `undefined` when it has none that is whole. */
export function readEnvelope(stored: StoredBytes): Envelope | undefined {
  const bytes = new Uint8Array(Math.min(MAX_ENVELOPE_BYTES, stored.bytes));
  const count = readFully(stored, bytes, 0);
  const text = String.fromCharCode(...bytes.subarray(0, count));
  if (!text.startsWith(MAGIC)) return undefined;
  const lengths: number[] = [];
  let at = MAGIC.length;
  while (lengths.length < PARTS) {
    const newline = text.indexOf("\n", at);
    const digits = newline < 0 ? "" : text.slice(at, newline);
    if (!/^[0-9]{1,15}$/.test(digits)) return undefined;
    lengths.push(Number(digits));
    at = newline + 1;
  }
  const [idBytes, keyBytes, nonceBytes, cipherBytes] = lengths;
  if ([idBytes, keyBytes, nonceBytes].some((length) => length > MAX_LABEL_BYTES)) return undefined;
  const nonceAt = at + idBytes + keyBytes;
  const cipherAt = nonceAt + nonceBytes;
  if (cipherAt > count || cipherAt + cipherBytes !== stored.bytes) return undefined;
  return {
    keyId: text.slice(at, at + idBytes),
    key: text.slice(at + idBytes, nonceAt),
    nonce: bytes.slice(nonceAt, cipherAt),
    at: cipherAt,
    bytes: cipherBytes,
  };
}

/** What is authenticated with each ciphertext: an object under another name or label does not decrypt. */
export function associatedData(keyId: string, key: string): Uint8Array {
  return encoder.encode(`fluxheim-cache-disk-v1\0${keyId}\0${key}`);
}
