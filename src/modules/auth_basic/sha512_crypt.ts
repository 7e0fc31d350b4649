/**
 * SHA-512 crypt, the `$6$` of `/etc/shadow` and of `openssl passwd -6`: as Ulrich Drepper specified it
 * ("Unix crypt using SHA-256 and SHA-512", version 0.6). The numbers of steps are of that text.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";

const DEFAULT_ROUNDS = 5000;
const DIGEST_BYTES = 64;
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * The hash of `password`, with the salt and the rounds of `setting`.
 *
 * @param setting A hash, or its beginning up to the last `$`.
 */
export function sha512Crypt(password: string, setting: string): string {
  const parts = setting.split("$");
  const hasRounds = parts[2].startsWith("rounds=");
  const rounds = hasRounds ? Number(parts[2].slice("rounds=".length)) : DEFAULT_ROUNDS;
  const salt = Buffer.from(hasRounds ? parts[3] : parts[2]);
  const key = Buffer.from(password);
  const digest = mixed(key, salt, rounds);
  const prefix = hasRounds ? `$6$rounds=${rounds}$` : "$6$";
  return `${prefix}${salt.toString()}$${encoded(digest)}`;
}

function mixed(key: Buffer, salt: Buffer, rounds: number): Buffer {
  // Steps 4 to 8.
  const second = digestOf(key, salt, key);
  // 1 to 3, 9 to 12.
  const first = createHash("sha512").update(key).update(salt).update(repeated(second, key.length));
  for (let length = key.length; length > 0; length >>= 1) {
    first.update((length & 1) !== 0 ? second : key);
  }
  let digest: Buffer = first.digest();
  // 13 to 16.
  const p = repeated(digestOf(...Array<Buffer>(key.length).fill(key)), key.length);
  // 17 to 20.
  const s = repeated(digestOf(...Array<Buffer>(16 + digest[0]).fill(salt)), salt.length);
  // 21.
  for (let round = 0; round < rounds; round++) {
    const isOdd = (round & 1) !== 0;
    const hash = createHash("sha512").update(isOdd ? p : digest);
    if (round % 3 !== 0) hash.update(s);
    if (round % 7 !== 0) hash.update(p);
    digest = hash.update(isOdd ? digest : p).digest();
  }
  return digest;
}

function digestOf(...pieces: readonly Buffer[]): Buffer {
  const hash = createHash("sha512");
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

/** The first `length` bytes of `bytes`, over and over. */
function repeated(bytes: Buffer, length: number): Buffer {
  const made = Buffer.alloc(length);
  for (let at = 0; at < length; at += bytes.length) bytes.copy(made, at);
  return made;
}

/** Step 22: three bytes make four characters, in an order of its own. */
function encoded(digest: Buffer): string {
  let text = "";
  let [a, b, c] = [0, 21, 42];
  for (let group = 0; group < 21; group++) {
    text += characters(digest[a] << 16 | digest[b] << 8 | digest[c], 4);
    [a, b, c] = [b + 1, c + 1, a + 1];
  }
  return text + characters(digest[DIGEST_BYTES - 1], 2);
}

function characters(bits: number, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += ALPHABET[(bits >> (6 * i)) & 63];
  return text;
}
