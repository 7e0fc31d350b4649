/**
 * The end of a connection whose client may still be sending.
 *
 * @module
 */
import type { Duplex } from "../../net/duplex.ts";
import { fairRead } from "../../net/fairness.ts";
import type { Inbox } from "../../net/inbox.ts";

/** Longest that the client may be silent. */
export const LINGER_SILENCE_MS = 5_000;
/** Longest that its bytes are read, all in all. */
export const LINGER_MS = 30_000;

/** Buffer for bytes that are thrown away, of all connections alike. */
const nowhere = new Uint8Array(64 * 1024);

/**
 * Ends the sending side first and reads what the client still sends: closing with unread bytes would reset
 * the connection and could destroy the answer on its way (RFC 9112 section 9.6). Many clients send a whole
 * upload before they look for an answer. The caller sets the time limits.
 *
 * @param inbox Of `stream`; its bytes are of no use any more, and no other read begins.
 * @param onBytes Called whenever the client has sent something.
 */
export async function linger(stream: Duplex, inbox: Inbox, onBytes: () => void): Promise<void> {
  await stream.closeWrite();
  await inbox.quiet();
  inbox.release();
  while (await fairRead(stream, nowhere) !== null) onBytes();
}
