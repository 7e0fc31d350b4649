/**
 * What HPACK throws.
 *
 * @module
 */

/**
 * A field block that is not valid HPACK, or asks for more than is allowed. Both sides' tables have parted
 * by then, so the connection cannot go on: RFC 9113 section 4.3, COMPRESSION_ERROR.
 */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HpackError";
  }
}
