/** A responder that does what a test says, which php-fpm would never do. @module */
import { closeQuietly } from "../../duplex.ts";
import { latin1, pairsOf, type RawRecord, recordsOf } from "./records.ts";

/** One connection, as the script of a test sees it. */
export class ResponderConnection {
  /** Everything that has arrived. */
  #bytes = new Uint8Array(0);
  /** Bytes of the requests before. */
  #from = 0;

  constructor(readonly conn: Deno.Conn) {}

  /** Records of the request that have arrived. */
  get records(): RawRecord[] {
    return recordsOf(this.#bytes.subarray(this.#from));
  }

  /** Reads until the end of STDIN has come; the request's parameters and its body. */
  async request(): Promise<{ params: ReadonlyMap<string, string>; body: string; keeps: boolean }> {
    await this.until((records) =>
      records.some(({ type, content }) => type === 5 && content.length === 0)
    );
    const { records } = this;
    this.#from = this.#bytes.length;
    const params = records.filter(({ type }) => type === 4).flatMap(({ content }) =>
      pairsOf(content)
    );
    const body = records.filter(({ type }) => type === 5).map(({ content }) => latin1(content))
      .join("");
    return { params: new Map(params), body, keeps: records[0].content[2] === 1 };
  }

  /** Reads until `holds`, or the other side ends; returns whether it holds. */
  async until(holds: (records: RawRecord[]) => boolean): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    while (!holds(this.records)) {
      const count = await this.conn.read(buffer).catch(() => null);
      if (count === null) return false;
      const more = new Uint8Array(this.#bytes.length + count);
      more.set(this.#bytes);
      more.set(buffer.subarray(0, count), this.#bytes.length);
      this.#bytes = more;
    }
    return true;
  }

  /** Waits until the other side has closed. */
  async closed(): Promise<void> {
    await this.until(() => false);
  }

  /** Sends these bytes in one piece. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }
}

/** Listens on a unix socket. */
export class Responder implements AsyncDisposable {
  /** Connections so far. */
  connections = 0;
  /** What the script threw. */
  readonly faults: unknown[] = [];
  readonly #listener: Deno.UnixListener;
  readonly #open = new Set<Deno.Conn>();
  readonly #running: Promise<void>;

  /** @param script Called for each connection, with its number from 0. */
  constructor(
    readonly path: string,
    script: (connection: ResponderConnection, index: number) => Promise<void>,
  ) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#running = this.#accept(script);
  }

  async #accept(script: (connection: ResponderConnection, index: number) => Promise<void>) {
    const scripts: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      const run = async (index: number) => {
        try {
          await script(new ResponderConnection(conn), index);
        } catch (error) {
          this.faults.push(error);
        }
        closeQuietly(conn);
      };
      scripts.push(run(this.connections++));
    }
    await Promise.all(scripts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeQuietly(this.#listener);
    for (const conn of this.#open) closeQuietly(conn);
    await this.#running;
  }
}
