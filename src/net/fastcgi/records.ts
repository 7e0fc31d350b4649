/**
 * Records of FastCGI 1.0 as this gateway sends them: one request a connection at a time, role responder
 * (spec 07 section 12).
 *
 * @module
 */

/** Types of records. */
export const TYPE = {
  begin: 1,
  end: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
} as const;

export const VERSION = 1;
/** The one request of a connection. */
export const REQUEST_ID = 1;
export const HEADER_BYTES = 8;
/** Bytes of the content of BEGIN_REQUEST and END_REQUEST. */
export const FIXED_CONTENT = 8;

const RESPONDER = 1;
const KEEP_CONNECTION = 1;

/**
 * Most content of a PARAMS record. php-fpm closes the connection when content and padding are over 65,535
 * together, and a length that is a multiple of 8 needs no padding.
 */
export const MAX_PARAMS_CONTENT = 65_528;
/** Most content of a STDIN record: with its header it fills a buffer of 64 KiB less one unit of padding. */
export const MAX_STDIN_CONTENT = 65_520;

/** Writes the header of a record at `at`; returns the padding that goes after its content. */
export function writeHeader(into: Uint8Array, at: number, type: number, content: number): number {
  const padding = -content & 7;
  into[at] = VERSION;
  into[at + 1] = type;
  into[at + 2] = 0;
  into[at + 3] = REQUEST_ID;
  into[at + 4] = content >>> 8;
  into[at + 5] = content & 0xff;
  into[at + 6] = padding;
  into[at + 7] = 0;
  return padding;
}

/** Writes BEGIN_REQUEST at the start of `into`; returns its length. */
export function writeBegin(into: Uint8Array, keepsConnection: boolean): number {
  writeHeader(into, 0, TYPE.begin, FIXED_CONTENT);
  into.fill(0, HEADER_BYTES, HEADER_BYTES + FIXED_CONTENT);
  into[HEADER_BYTES + 1] = RESPONDER;
  into[HEADER_BYTES + 2] = keepsConnection ? KEEP_CONNECTION : 0;
  return HEADER_BYTES + FIXED_CONTENT;
}

/** The empty STDIN record, which ends the request. */
export const END_OF_STDIN: Uint8Array = emptyRecord(TYPE.stdin);

function emptyRecord(type: number): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES);
  writeHeader(record, 0, type, 0);
  return record;
}
