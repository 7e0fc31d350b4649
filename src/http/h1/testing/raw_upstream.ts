/**
 * An upstream that does exactly what a test says, byte by byte: for answers that no real server gives,
 * and for connections that end at the wrong moment.
 *
 * @module
 */
import { RawConnection } from "../../../net/testing/raw_connection.ts";

/** One connection that the gateway opened. */
export class RawUpstreamConnection extends RawConnection {
  /** @param number How many connections there were, this one included. */
  constructor(conn: Deno.TcpConn, readonly number: number) {
    super(conn);
  }

  /** The next request's head, with its last CRLFCRLF; `undefined` when the connection ends instead. */
  async head(): Promise<string | undefined> {
    for (;;) {
      const end = this.received.indexOf("\r\n\r\n");
      if (end >= 0) return this.#take(end + 4);
      if (!await this.more()) return undefined;
    }
  }

  /** The next `count` bytes; fewer at the end of the connection. */
  async bytes(count: number): Promise<string> {
    while (this.received.length < count && await this.more());
    return this.#take(count);
  }

  /** Everything up to and with `mark`; what there is at the end of the connection. */
  async through(mark: string): Promise<string> {
    for (;;) {
      const at = this.received.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      if (!await this.more()) return this.#take(this.received.length);
    }
  }

  /** Waits for the gateway to end the connection. */
  async end(): Promise<void> {
    while (await this.more());
  }

  close(): void {
    this[Symbol.dispose]();
  }

  #take(count: number): string {
    const taken = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return taken;
  }
}

/** A listener whose connections are each served by one function of the test's. */
export class RawUpstream implements AsyncDisposable {
  /** Connections so far. */
  readonly connections: RawUpstreamConnection[] = [];
  /** What the test's function threw: reported when the upstream is disposed of. */
  readonly #faults: unknown[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(serve: (connection: RawUpstreamConnection) => Promise<void>) {
    this.#accepting = this.#accept(serve);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections that are open now, as far as the gateway is concerned. */
  get open(): number {
    return this.#serving.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.connections) connection.close();
    await Promise.all(this.#serving);
    if (this.#faults.length > 0) throw this.#faults[0];
  }

  async #accept(serve: (connection: RawUpstreamConnection) => Promise<void>): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        const connection = new RawUpstreamConnection(conn, this.connections.length + 1);
        this.connections.push(connection);
        const served = serve(connection).catch((error) => void this.#faults.push(error))
          .finally(() => connection.close());
        this.#serving.add(served);
        void served.finally(() => this.#serving.delete(served));
      }
    } catch {
      // The listener was closed.
    }
  }
}
