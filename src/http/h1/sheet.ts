/**
 * Buffers that messages are written on before they are sent. The messages of one turn follow one another
 * on the same sheet: hundreds of small ones touch as much memory as they are long, and not a buffer each.
 *
 * @module
 */
import { LARGE, LARGE_BYTES } from "../../net/buffers.ts";

/** A sheet with more than this on it takes no further message: each shall have room for a piece of its body. */
const FULL_BYTES = LARGE_BYTES / 2;
/** Messages start where a line of the processor's cache does. */
const ALIGNMENT = 64;

/** A buffer that several messages share. */
export class Sheet {
  readonly bytes: Uint8Array = LARGE.take();
  /** What messages before have written on is `bytes[0, used)`. */
  used = 0;
  /** Messages that are on it and have not left. */
  messages = 1;
}

/** The sheet that the next message goes on. */
let open: Sheet | undefined;

/** A sheet to write a message on, from `used` on. No other message is given it until it is shared. */
export function takeSheet(): Sheet {
  const sheet = open;
  if (sheet === undefined) return new Sheet();
  open = undefined;
  sheet.messages++;
  return sheet;
}

/** The message is written and ends at `end`; others may follow it. */
export function shareSheet(sheet: Sheet, end: number): void {
  sheet.used = (end + ALIGNMENT - 1) & -ALIGNMENT;
  if (open === undefined && sheet.used <= FULL_BYTES) open = sheet;
}

/**
 * A message is off `sheet`. Not to be called when sending it failed, for the runtime may hold it still: such
 * a sheet is left to the garbage collector.
 */
export function leaveSheet(sheet: Sheet): void {
  if (--sheet.messages > 0) return;
  if (sheet === open) sheet.used = 0;
  else LARGE.give(sheet.bytes);
}
