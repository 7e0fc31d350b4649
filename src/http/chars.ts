/**
 * Byte classes of HTTP messages as lookup tables: one array access instead of a chain of comparisons.
 *
 * @module
 */

/** RFC 9110 section 5.6.2 `tchar`. */
export const TOKEN = table("!#$%&'*+-.^_`|~", "09", "AZ", "az");

/**
 * RFC 9110 section 5.5: visible ASCII, space, tab, and `obs-text` (0x80 and up), which is passed on as it
 * came.
 */
export const FIELD_VALUE = table("\t", " ~", "\x80\xff");

/** RFC 3986 `pchar` and `/`, without `%`, which needs a look at the two bytes after it. */
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

/**
 * `text` without spaces and tabs at its ends (`OWS`, RFC 9110 section 5.6.3). `trim` would take more: 0xA0,
 * which is the last byte of many a character in UTF-8.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return end - start === text.length ? text : text.substring(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
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
