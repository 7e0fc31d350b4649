/**
 * A two-way byte stream: the part of `Deno.Conn` that codecs need, so that a `Deno.TcpConn` or
 * `Deno.TlsConn` is one as it stands, with no wrapper on the fast path.
 *
 * @module
 */

/** A two-way byte stream. */
export interface Duplex {
  /** Reads at least one byte into `into`; `null` at the end of that direction. */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes some of `bytes`, at least one; returns how many. See {@linkcode writeAll}. A write of no bytes rejects
   * where the system knows that the peer has gone; on the runtime's own TLS connections it never does.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending direction; reading goes on. */
  closeWrite(): Promise<void>;
  /**
   * Lets the system ask a silent peer for a sign of life, so that one which vanished without a word is
   * noticed in the end. Not every stream can.
   */
  setKeepAlive?(on: boolean): void;
  /** Ends both directions; pending calls reject. A second call may throw: see {@linkcode closeQuietly}. */
  close(): void;
  /**
   * As `close`, and shows the peer that what it got is not all: by a reset, or without the goodbye of TLS. A
   * second call does nothing. The runtime's own TCP connections cannot do it: they end as after a clean end.
   */
  reset?(): void;
}

/** Writes all of `bytes`. */
export async function writeAll(stream: Duplex, bytes: Uint8Array): Promise<void> {
  let written = await stream.write(bytes);
  while (written < bytes.length) written += await stream.write(bytes.subarray(written));
}

/** Closes, whether or not it was closed before. */
export function closeQuietly(stream: { close(): void }): void {
  try {
    stream.close();
  } catch {
    // Already closed: by the peer's reset, a time limit or the other direction.
  }
}

/** The `reset` of a stream around `inner`: absent where `inner` has none, which is asked each time. */
export function resetOf(inner: Duplex): (() => void) | undefined {
  return inner.reset === undefined ? undefined : () => inner.reset?.();
}
