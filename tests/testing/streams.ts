/**
 * Gateways that pass streams on, and peers on both sides of them.
 *
 * @module
 */
import { type Build, TestGateway } from "./gateway.ts";
import { freePort, until } from "./peer.ts";

const encoder = new TextEncoder();

/** A gateway with one stream route. */
export class StreamGateway implements AsyncDisposable {
  private constructor(readonly gateway: TestGateway, readonly port: number) {}

  /**
   * Starts it.
   *
   * @param route Keys of the route beside `name` and `listen`.
   * @param more Other tables; `{stream}` in them and in the route is the port of the route.
   */
  static async start(
    route: string,
    { more = "", host = "127.0.0.1", threads = 2, access = true, files = {}, build }: {
      readonly more?: string;
      readonly host?: string;
      readonly threads?: number;
      readonly access?: boolean;
      readonly files?: Readonly<Record<string, string>>;
      readonly build?: Build;
    } = {},
  ): Promise<StreamGateway> {
    const port = freePort();
    const text = `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = ${threads}
graceful_shutdown_timeout_seconds = 1
[logging]
level = "debug"
[stream]
enabled = true
access_log = ${access}
[[stream.routes]]
name = "test"
listen = ["${host}:${port}"]
${route}
${more}
`.replaceAll("{stream}", String(port));
    return new StreamGateway(await TestGateway.start(text, files, build), port);
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** Sends `text` and the end, and reads to the end. */
  async ask(text: string): Promise<string> {
    using client = await this.connect();
    await client.write(encoder.encode(text));
    await client.closeWrite();
    return await readText(client);
  }

  /** What the log says. */
  get log(): string {
    return this.gateway.process.output;
  }

  /** Values of `key` in the lines of the access log, in their order. */
  logged(key: string): string[] {
    return this.log.split("\n").filter((line) => line.includes("outcome="))
      .map((line) => new RegExp(`${key}=([^ "]+)`).exec(line)?.[1] ?? "");
  }

  /** Waits until the log has `what`. */
  async says(what: RegExp): Promise<void> {
    await until(`the log has ${what}`, () => what.test(this.log));
  }

  /** Waits until the access log has `count` lines, and gives their outcomes. */
  async outcomes(count: number): Promise<readonly string[]> {
    await until(`${count} connections are logged`, () => this.logged("outcome").length >= count);
    return this.logged("outcome");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
  }
}

/** A server of one protocol, which `serve` is. */
export class Peer implements AsyncDisposable {
  readonly port: number;
  accepted = 0;
  open = 0;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();

  constructor(serve: (connection: Deno.TcpConn) => Promise<void>, hostname = "127.0.0.1") {
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.port = this.#listener.addr.port;
    void this.#accept(serve);
  }

  async #accept(serve: (connection: Deno.TcpConn) => Promise<void>): Promise<void> {
    for await (const connection of this.#listener) {
      this.accepted++;
      this.open++;
      this.#connections.add(connection);
      serve(connection).catch(() => {}).finally(() => {
        this.open--;
        this.#connections.delete(connection);
        close(connection);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.resolve();
  }
}

/** A server that says its name and what it was sent, when the client has ended. */
export function named(name: string, hostname?: string): Peer {
  return new Peer(async (connection) => {
    const got = await readText(connection);
    await connection.write(encoder.encode(`${name}:${got}`));
  }, hostname);
}

/** A port on which nothing listens. */
export function deadPort(): number {
  return freePort();
}

/** A port on which connections are waited for in vain: its queue is full, so the system drops what begins. */
export class BlackHole implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #fill = new AbortController();
  readonly #waiting: Promise<unknown>[] = [];

  private constructor() {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 0 });
    this.port = this.#listener.addr.port;
  }

  static async open(): Promise<BlackHole> {
    const hole = new BlackHole();
    const { signal } = hole.#fill;
    const options = { hostname: "127.0.0.1", port: hole.port, signal };
    const first = Deno.connect(options);
    hole.#waiting.push(first.then((connection) => connection));
    await first;
    for (let i = 0; i < 3; i++) hole.#waiting.push(Deno.connect(options).catch(() => undefined));
    return hole;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#fill.abort();
    for (const one of await Promise.all(this.#waiting)) {
      if (one !== undefined) close(one as Deno.TcpConn);
    }
  }
}

/** Reads to the end. */
export async function readText(connection: Pick<Deno.Conn, "read">): Promise<string> {
  const buffer = new Uint8Array(65_536);
  // Of its own: what one text ends with must not become the beginning of the next one.
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Writes all of `text`. */
export async function writeText(connection: Pick<Deno.Conn, "write">, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Closes, whether or not it was closed before. */
export function close(connection: { close(): void }): void {
  try {
    connection.close();
  } catch {
    // Closed before.
  }
}
