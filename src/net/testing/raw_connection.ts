/**
 * A TCP connection as text, one character a byte: the half that raw clients and raw upstreams share.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** A connection that collects what it receives until a test takes it. */
export class RawConnection implements Disposable {
  /** Everything received that was not taken yet. */
  protected received = "";
  #ended = false;

  constructor(readonly conn: Deno.TcpConn) {
    conn.setNoDelay(true);
  }

  /** Sends text, one byte a character. */
  async send(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed before.
    }
  }

  /** Waits for more; `false` at the end of the connection, as which a reset counts. */
  protected async more(): Promise<boolean> {
    if (this.#ended) return false;
    const buffer = new Uint8Array(65_536);
    let count: number | null;
    try {
      count = await this.conn.read(buffer);
    } catch {
      count = null;
    }
    if (count === null) this.#ended = true;
    else this.received += Buffer.from(buffer.buffer, 0, count).toString("latin1");
    return count !== null;
  }
}
