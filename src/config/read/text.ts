/**
 * Small questions about texts that several checks ask.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Whether `value` holds a control character (C0, DEL or C1). */
export function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  }
  return false;
}

/** Length of `value` in UTF-8. */
export function byteLength(value: string): number {
  return encoder.encode(value).length;
}
