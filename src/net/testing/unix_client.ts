/**
 * A client of a unix socket that sends exactly the bytes it is given.
 *
 * @module
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A connection to a unix socket. */
export class UnixClient implements Disposable {
  received = "";

  private constructor(readonly conn: Deno.UnixConn) {}

  static async connect(path: string): Promise<UnixClient> {
    return new UnixClient(await Deno.connect({ transport: "unix", path }));
  }

  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** Waits until what was received matches; fails at the end of the connection. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      if (!await this.#more()) throw new Error(`ended after ${JSON.stringify(this.received)}`);
    }
  }

  /** Everything up to the end of the connection, as which a reset counts. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.received;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed before.
    }
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.conn.read(buffer).catch(() => null);
    if (count !== null) this.received += decoder.decode(buffer.subarray(0, count));
    return count !== null;
  }
}
