/**
 * The parts of QUIC packets that no version changes: forms and connection ids (RFC 8999).
 *
 * @module
 */

const LONG_HEADER = 0x80;
/** Of versions 1 and 2, in which it tells a packet from noise. */
const FIXED_BIT = 0x40;
const VERSION_AT = 1;
const IDS_AT = 5;
/** Longest id of versions 1 and 2 (RFC 9000 section 17.2). */
export const MAX_ID_BYTES = 20;
/** A client's first datagram is at least as large (RFC 9000 section 14.1). */
export const MIN_FIRST_BYTES = 1_200;

/** Ids of a packet with a long header. */
export interface LongHeader {
  readonly version: number;
  /** Whom it is for. */
  readonly destination: Uint8Array;
  /** What the sender wants to be called. */
  readonly source: Uint8Array;
}

/** The long header of a datagram's first packet, where it has one. */
export function longHeaderOf(datagram: Uint8Array): LongHeader | undefined {
  if (datagram.length < IDS_AT + 2 || (datagram[0] & LONG_HEADER) === 0) return undefined;
  const version = new DataView(datagram.buffer, datagram.byteOffset).getUint32(VERSION_AT);
  const destinationEnd = IDS_AT + 1 + datagram[IDS_AT];
  if (datagram[IDS_AT] > MAX_ID_BYTES || destinationEnd >= datagram.length) return undefined;
  const sourceEnd = destinationEnd + 1 + datagram[destinationEnd];
  if (datagram[destinationEnd] > MAX_ID_BYTES || sourceEnd > datagram.length) return undefined;
  return {
    version,
    destination: datagram.subarray(IDS_AT + 1, destinationEnd),
    source: datagram.subarray(destinationEnd + 1, sourceEnd),
  };
}

/** Whether a datagram may be the first of a connection. */
export function mayBeFirst(datagram: Uint8Array): boolean {
  const header = longHeaderOf(datagram);
  return header !== undefined && header.version !== 0 && datagram.length >= MIN_FIRST_BYTES;
}

/** Id that a packet with a short header is for, which must be known to have `bytes` bytes. */
export function shortIdOf(datagram: Uint8Array, bytes: number): Uint8Array | undefined {
  if ((datagram[0] & (LONG_HEADER | FIXED_BIT)) !== FIXED_BIT) return undefined;
  return datagram.length > 1 + bytes ? datagram.subarray(1, 1 + bytes) : undefined;
}

/** An id as a key of tables. */
export function idKey(id: Uint8Array): string {
  let text = "";
  for (const byte of id) text += String.fromCharCode(byte);
  return text;
}
