/** The length of a message as its fields announce it, whichever protocol carries them. @module */

/**
 * A `Content-Length` value (RFC 9110 section 8.6), or -1 when it is not pure digits or beyond what can be
 * counted exactly (2^53 - 1: no body of nine petabytes is served).
 */
export function readContentLength(value: string): number {
  const { length } = value;
  if (length === 0) return -1;
  let number = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number <= Number.MAX_SAFE_INTEGER ? number : -1;
}
