/**
 * The name a TLS client asks for, read before anything else is made of its connection (RFC 8446 section
 * 4.1.2, RFC 6066 section 3), and the protocols that it offers. They only choose a certificate, or where the
 * connection goes: what cannot be made out counts as no name, and whether the handshake is in order is for the TLS
 * implementation to say.
 *
 * @module
 */

/** A first record of the largest size. A client that needs more to say hello gets no certificate by name. */
export const MAX_HELLO_BYTES = 5 + 16 * 1024;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const MESSAGE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 2 + 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const APPLICATION_PROTOCOLS = 16;

/** What a client began with. */
export interface ClientHello {
  /** The name it asks for, as it spelt it; `""` for none. */
  readonly serverName: string;
  /** All that has been read: it is for the handshake. */
  readonly bytes: Uint8Array;
}

/** Where a hello comes from. */
export interface HelloStream {
  /** What arrives next, the caller's to keep; `null` at the end. */
  next(): Promise<Uint8Array | null>;
}

/**
 * Reads until the name is known.
 *
 * @param early What had been read of the connection before.
 * @returns `undefined` when the client left first.
 */
export async function readClientHello(
  stream: HelloStream,
  early: Uint8Array,
): Promise<ClientHello | undefined> {
  let bytes = early;
  // A hello may come byte by byte: it is looked at when a record is complete, and not copied for each piece.
  let store = early;
  for (let wanted = 0;;) {
    if (bytes.length >= wanted) {
      const serverName = serverNameIn(bytes);
      if (serverName !== undefined) return { serverName, bytes };
      wanted = endOfRecords(bytes);
    }
    const piece = await stream.next();
    if (piece === null) return undefined;
    const { length } = bytes;
    if (length === 0) {
      bytes = store = piece;
      continue;
    }
    const end = length + piece.length;
    if (end > store.length) store = padded(bytes, Math.max(end, 2 * store.length));
    store.set(piece, length);
    bytes = store.subarray(0, end);
  }
}

/** How many bytes there have to be for the next look: those of a whole record, or of its header. */
function endOfRecords(bytes: Uint8Array): number {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const end = at + RECORD_HEADER_BYTES + u16(bytes, at + 3);
    if (end > bytes.length) return Math.min(end, MAX_HELLO_BYTES);
    at = end;
  }
  return Math.min(at + RECORD_HEADER_BYTES, MAX_HELLO_BYTES);
}

/**
 * The name in the first bytes of a connection.
 *
 * @returns `""` when there is none to come, `undefined` while it may be in bytes that are still missing.
 */
export function serverNameIn(bytes: Uint8Array): string | undefined {
  const hello = helloIn(bytes);
  if (hello === undefined) return undefined;
  const list = extensionOf(hello, SERVER_NAME);
  return list === undefined ? "" : nameInList(list);
}

/**
 * The application protocols that a client offers (RFC 7301), in its order, from the first bytes of a connection.
 *
 * @param bytes As of a {@linkcode ClientHello}: what is missing is not waited for.
 */
export function protocolsIn(bytes: Uint8Array): readonly string[] {
  const list = extensionOf(helloIn(bytes) ?? NOTHING, APPLICATION_PROTOCOLS);
  const found: string[] = [];
  if (list === undefined) return found;
  const end = Math.min(2 + u16(list, 0), list.length);
  for (let at = 2; at < end;) {
    const start = at + 1;
    at = start + list[at];
    // An empty name, or one that is longer than its list, is no protocol that could be matched.
    if (at > end || at === start) break;
    found.push(latin1(list.subarray(start, at)));
  }
  return found;
}

/**
 * The body of the hello in the first bytes of a connection, over all its records.
 *
 * @returns Nothing in it where the connection begins with something else, `undefined` while it is not complete.
 */
function helloIn(bytes: Uint8Array): Uint8Array | undefined {
  const incomplete = bytes.length >= MAX_HELLO_BYTES ? NOTHING : undefined;
  let message: Uint8Array = NOTHING;
  let size = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) return NOTHING;
    if (at + RECORD_HEADER_BYTES > bytes.length) return incomplete;
    const start = at + RECORD_HEADER_BYTES;
    at = start + u16(bytes, at + 3);
    // A record that carries nothing could be followed by as many more.
    if (at === start) return NOTHING;
    const part = bytes.subarray(start, at);
    if (size === 0) {
      message = part;
    } else {
      // A message may be spread over several records: once there are two, all go to one place.
      if (message.length < bytes.length) message = padded(message, bytes.length);
      message.set(part, size);
    }
    size += part.length;
    if (size < MESSAGE_HEADER_BYTES) continue;
    if (message[0] !== CLIENT_HELLO) return NOTHING;
    const end = MESSAGE_HEADER_BYTES + (message[1] << 16 | u16(message, 2));
    if (size >= end) return message.subarray(MESSAGE_HEADER_BYTES, end);
  }
  return incomplete;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

/** Whether the first bytes of a connection can be those of a TLS client; nothing else is worth a handshake. */
export function mayBeHello(bytes: Uint8Array): boolean {
  return bytes[0] === HANDSHAKE_RECORD &&
    (bytes.length <= RECORD_HEADER_BYTES || bytes[RECORD_HEADER_BYTES] === CLIENT_HELLO);
}

/** Whether the first bytes of a connection are those of an HTTP request: a method is in upper case. */
export function mayBeHttp(bytes: Uint8Array): boolean {
  return bytes[0] >= UPPER_A && bytes[0] <= UPPER_Z;
}

const UPPER_A = 65;
const UPPER_Z = 90;

/**
 * The content of an extension. Walks over what comes before the extensions, and over these; bytes past the end read
 * as lengths of 0.
 */
function extensionOf(hello: Uint8Array, type: number): Uint8Array | undefined {
  let at = VERSION_AND_RANDOM_BYTES;
  at += 1 + (hello[at] ?? 0); // session id
  at += 2 + u16(hello, at); // cipher suites
  at += 1 + (hello[at] ?? 0); // compression methods
  const end = Math.min(at + 2 + u16(hello, at), hello.length);
  for (at += 2; at + 4 <= end;) {
    const start = at + 4;
    const next = start + u16(hello, at + 2);
    if (u16(hello, at) === type) return next <= end ? hello.subarray(start, next) : undefined;
    at = next;
  }
  return undefined;
}

/** The first entry of a `ServerNameList`, which may only have one of its kind. */
function nameInList(list: Uint8Array): string {
  const from = 5;
  const to = from + u16(list, 3);
  if (from > list.length || list[2] !== HOST_NAME || to > list.length) return "";
  return latin1(list.subarray(from, to));
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

const NOTHING = new Uint8Array(0);
