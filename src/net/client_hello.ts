/**
 * The name a TLS client asks for, read before anything else is made of its connection (RFC 8446 section
 * 4.1.2, RFC 6066 section 3). It only chooses a certificate: what cannot be made out counts as no name,
 * and whether the handshake is in order is for the TLS implementation to say.
 *
 * @module
 */
import type { Duplex } from "./duplex.ts";

/** A first record of the largest size. A client that needs more to say hello gets no certificate by name. */
export const MAX_HELLO_BYTES = 5 + 16 * 1024;
/** Most clients' first message. */
const FIRST_READ_BYTES = 2048;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const MESSAGE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 2 + 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** What a client began with. */
export interface ClientHello {
  /** The name it asks for, as it spelt it; `""` for none. */
  readonly serverName: string;
  /** All that has been read: it is for whoever shakes hands. */
  readonly bytes: Uint8Array;
}

/**
 * Reads until the name is known.
 *
 * @param early What had been read of the connection before.
 * @returns `undefined` when the client left first.
 */
export async function readClientHello(
  stream: Pick<Duplex, "read">,
  early: Uint8Array,
): Promise<ClientHello | undefined> {
  let bytes = new Uint8Array(Math.max(FIRST_READ_BYTES, early.length));
  bytes.set(early);
  let length = early.length;
  for (;;) {
    const serverName = serverNameIn(bytes.subarray(0, length));
    if (serverName !== undefined) return { serverName, bytes: bytes.subarray(0, length) };
    if (length === bytes.length) {
      const grown = new Uint8Array(Math.min(length * 2, MAX_HELLO_BYTES));
      grown.set(bytes);
      bytes = grown;
    }
    const count = await stream.read(bytes.subarray(length));
    if (count === null) return undefined;
    length += count;
  }
}

/**
 * The name in the first bytes of a connection.
 *
 * @returns `""` when there is none to come, `undefined` while it may be in bytes that are still missing.
 */
export function serverNameIn(bytes: Uint8Array): string | undefined {
  const incomplete = bytes.length >= MAX_HELLO_BYTES ? "" : undefined;
  const message = new Uint8Array(bytes.length);
  let length = 0;
  // A message may be spread over several records.
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) return "";
    const start = at + RECORD_HEADER_BYTES;
    at = start + u16(bytes, at + 3);
    // A record that carries nothing could be followed by as many more.
    if (at === start) return "";
    const part = bytes.subarray(start, at);
    message.set(part, length);
    length += part.length;
    if (length < MESSAGE_HEADER_BYTES) continue;
    if (message[0] !== CLIENT_HELLO) return "";
    const end = MESSAGE_HEADER_BYTES + (message[1] << 16 | u16(message, 2));
    if (length >= end) return nameInHello(message.subarray(MESSAGE_HEADER_BYTES, end));
  }
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return "";
  return incomplete;
}

/** Walks over what comes before the extensions, and over these. Bytes past the end read as lengths of 0. */
function nameInHello(hello: Uint8Array): string {
  let at = VERSION_AND_RANDOM_BYTES;
  at += 1 + (hello[at] ?? 0); // session id
  at += 2 + u16(hello, at); // cipher suites
  at += 1 + (hello[at] ?? 0); // compression methods
  const end = Math.min(at + 2 + u16(hello, at), hello.length);
  for (at += 2; at + 4 <= end;) {
    const start = at + 4;
    const next = start + u16(hello, at + 2);
    if (u16(hello, at) === SERVER_NAME) return next <= end ? nameInList(hello, start, next) : "";
    at = next;
  }
  return "";
}

/** The first entry of a `ServerNameList` in `bytes[start, end)`, which may only have one of its kind. */
function nameInList(bytes: Uint8Array, start: number, end: number): string {
  const from = start + 5;
  const to = from + u16(bytes, start + 3);
  if (from > end || bytes[start + 2] !== HOST_NAME || to > end) return "";
  let name = "";
  for (let at = from; at < to; at++) name += String.fromCharCode(bytes[at]);
  return name;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}
