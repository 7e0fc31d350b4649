/**
 * Byte classes of HTTP messages as lookup tables: one array access instead of a chain of comparisons.
 *
 * @module
 */

/** RFC 9110 section 5.6.2 `tchar`. */
export const TOKEN = table("!#$%&'*+-.^_`|~", "09", "AZ", "az");

/**
 * Bytes allowed in a request's field value: visible ASCII, space and tab. RFC 9110 section 5.5 also has
 * `obs-text` (0x80 and up), which spec 01 section 3.1 refuses from clients.
 */
export const FIELD_VALUE = table("\t", " ~");

/** Bytes allowed in a response's field value: as {@linkcode FIELD_VALUE}, and `obs-text`. */
export const FIELD_VALUE_OR_OBS_TEXT = table("\t", " ~", "\x80\xff");

/** RFC 3986 `pchar` and `/`, without `%`, which needs a look at the two bytes behind it. */
export const PATH = table("-._~!$&'()*+,;=:@/", "09", "AZ", "az");

/** RFC 3986 `query`, without `%`. */
export const QUERY = table("-._~!$&'()*+,;=:@/?", "09", "AZ", "az");

/** Visible ASCII. */
export const VISIBLE = table("", "!~");

/** Value of a hexadecimal digit, or 255. */
export const HEX = hexValues();

/** Whether every character of `text` is in `allowed`; `false` for the empty text. */
export function isAll(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255 || allowed[code] === 0) return false;
  }
  return text.length > 0;
}

/** RFC 9110 section 5.6.2 `token`. */
export function isToken(text: string): boolean {
  return isAll(text, TOKEN);
}

function table(single: string, ...ranges: string[]): Uint8Array {
  const allowed = new Uint8Array(256);
  for (let i = 0; i < single.length; i++) allowed[single.charCodeAt(i)] = 1;
  for (const range of ranges) {
    for (let code = range.charCodeAt(0); code <= range.charCodeAt(1); code++) allowed[code] = 1;
  }
  return allowed;
}

function hexValues(): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let i = 0; i < 10; i++) values[48 + i] = i;
  for (let i = 0; i < 6; i++) values[65 + i] = values[97 + i] = 10 + i;
  return values;
}
