/**
 * The end of a connection whose client may still be sending.
 *
 * @module
 */
import { LARGE } from "../../net/buffers.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Inbox } from "../../net/inbox.ts";

/** The client's bytes are read this long at most; whoever lingers sets that limit. */
export const LINGER_MS = 2_000;
/** Most bytes read while lingering. */
const MAX_LINGER_BYTES = 1024 * 1024;

/**
 * Ends the sending side first and reads what the client still sends for a moment: closing with unread
 * bytes would reset the connection and could destroy the answer on its way (RFC 9112 section 9.6).
 *
 * @param inbox Of `stream`; its bytes are of no use any more.
 */
export async function linger(stream: Duplex, inbox: Inbox): Promise<void> {
  await stream.closeWrite();
  if (inbox.isReading) await inbox.more(1);
  const scratch = LARGE.take();
  for (let left = MAX_LINGER_BYTES; left > 0;) {
    const count = await stream.read(scratch);
    if (count === null) break;
    left -= count;
  }
  LARGE.give(scratch);
}
