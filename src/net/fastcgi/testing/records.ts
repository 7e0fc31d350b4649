/** Records and pairs of FastCGI, written and read in the plainest way, for tests. @module */

/** One record. */
export interface RawRecord {
  readonly type: number;
  readonly content: Uint8Array;
  readonly padding: number;
}

/** What may be said of a record beside its type and content. */
interface Odd {
  readonly version?: number;
  readonly id?: number;
  readonly padding?: number;
}

/** A record of `type` with `content`, a text of one byte a character. */
export function record(type: number, content: string | Uint8Array, odd: Odd = {}): Uint8Array {
  const { version = 1, id = 1, padding = 0 } = odd;
  const bytes = typeof content === "string" ? bytesOf(content) : content;
  const { length } = bytes;
  const head = [version, type, id >> 8, id & 255, length >> 8, length & 255, padding, 0];
  return Uint8Array.from([...head, ...bytes, ...new Uint8Array(padding)]);
}

/** Output of the script. */
export function stdout(content: string | Uint8Array, odd?: Odd): Uint8Array {
  return record(6, content, odd);
}

/** Errors of the script. */
export function stderr(content: string, odd?: Odd): Uint8Array {
  return record(7, content, odd);
}

/** END_REQUEST. */
export function endRequest(
  { protocolStatus = 0, padding = 0 }: { protocolStatus?: number; padding?: number } = {},
): Uint8Array {
  return record(3, Uint8Array.of(0, 0, 0, 0, protocolStatus, 0, 0, 0), { padding });
}

/** The whole records in `bytes`. */
export function recordsOf(bytes: Uint8Array): RawRecord[] {
  const records: RawRecord[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes[at + 4] << 8 | bytes[at + 5];
    const padding = bytes[at + 6];
    if (at + 8 + length + padding > bytes.length) break;
    records.push({ type: bytes[at + 1], content: bytes.slice(at + 8, at + 8 + length), padding });
    at += 8 + length + padding;
  }
  return records;
}

/** The pairs in the content of PARAMS records. */
export function pairsOf(content: Uint8Array): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  let at = 0;
  const length = () => {
    const first = content[at++];
    if (first < 128) return first;
    const rest = content.subarray(at, at += 3);
    return (first & 127) * 2 ** 24 + rest[0] * 65_536 + rest[1] * 256 + rest[2];
  };
  while (at < content.length) {
    const nameLength = length();
    const valueLength = length();
    if (at + nameLength + valueLength > content.length) {
      throw new Error("a pair goes over its record");
    }
    const name = latin1(content.subarray(at, at += nameLength));
    pairs.push([name, latin1(content.subarray(at, at += valueLength))]);
  }
  return pairs;
}

/** A character for each byte. */
export function latin1(bytes: Iterable<number>): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A byte for each character. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
