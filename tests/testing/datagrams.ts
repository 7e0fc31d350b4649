/**
 * Gateways that pass datagrams on, and peers on both sides of them.
 *
 * @module
 */
import { type Build, TestGateway } from "./gateway.ts";
import { freePort, until } from "./peer.ts";

/** A port of 127.0.0.1 that no UDP socket had a moment ago. */
export function freeUdpPort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

/** A gateway with one UDP route. */
export class UdpGateway implements AsyncDisposable {
  private constructor(
    readonly gateway: TestGateway,
    readonly port: number,
    readonly metricsPort: number,
  ) {}

  /** @param route Keys of the route beside `name` and `listen`; `more` are other tables. */
  static async start(
    route: string,
    { more = "", host = "127.0.0.1", files = {}, build }: {
      readonly more?: string;
      readonly host?: string;
      readonly files?: Readonly<Record<string, string>>;
      readonly build?: Build;
    } = {},
  ): Promise<UdpGateway> {
    const [port, metricsPort] = [freeUdpPort(), freePort()];
    const text = `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 1
graceful_shutdown_timeout_seconds = 1
[logging]
level = "debug"
[metrics]
enabled = true
listen = "127.0.0.1:${metricsPort}"
[udp]
enabled = true
[[udp.routes]]
name = "test"
listen = ["${host}:${port}"]
${route}
${more}
`;
    const gateway = await TestGateway.start(text, files, build);
    const started = new UdpGateway(gateway, port, metricsPort);
    await started.says(/the service control runs/);
    return started;
  }

  /** Waits until the log has `what`. */
  async says(what: RegExp): Promise<void> {
    await until(`the log has ${what}`, () => what.test(this.gateway.process.output));
  }

  /** The samples of UDP metrics that are not 0, without the label of the route. */
  async samples(): Promise<Readonly<Record<string, number>>> {
    const response = await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`);
    const found: Record<string, number> = {};
    for (const line of (await response.text()).split("\n")) {
      const [, name, labels, value] =
        /^fluxheim_udp_(\w+)\{route="test",?([^}]*)\} (\d+)$/.exec(line) ?? [];
      if (name !== undefined && value !== "0") {
        const values = [...labels.matchAll(/"([^"]*)"/g)].map(([, one]) => one);
        found[[name, ...values].join(" ")] = Number(value);
      }
    }
    return found;
  }

  /** Waits until a sample has a value. */
  async counts(name: string, value: number): Promise<void> {
    await until(`${name} is ${value}`, async () => ((await this.samples())[name] ?? 0) === value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
  }
}

/** A client, or a server, of datagrams. */
export class UdpPeer implements Disposable {
  readonly port: number;
  /** Everything that was received. */
  readonly received: { readonly text: string; readonly from: Deno.NetAddr }[] = [];
  readonly #socket: Deno.DatagramConn;

  /** @param serve What is answered to a datagram; nothing where it is not given. */
  constructor(
    serve?: (datagram: Uint8Array) => readonly Uint8Array[],
    { port = 0, hostname = "127.0.0.1" } = {},
  ) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    this.port = (this.#socket.addr as Deno.NetAddr).port;
    void this.#receive(serve);
  }

  async #receive(serve?: (datagram: Uint8Array) => readonly Uint8Array[]): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer);
        const text = String.fromCharCode(...datagram.subarray(0, 1024));
        this.received.push({ text, from: from as Deno.NetAddr });
        for (const answer of serve?.(datagram.slice()) ?? []) await this.#socket.send(answer, from);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
      }
    }
  }

  send(datagram: string | Uint8Array, port: number, hostname = "127.0.0.1"): Promise<number> {
    const bytes = typeof datagram === "string"
      ? Uint8Array.from(datagram, (char) => char.charCodeAt(0))
      : datagram;
    return this.#socket.send(bytes, { transport: "udp", hostname, port });
  }

  /** Waits until `count` datagrams have come, and gives the texts of all. */
  async texts(count: number): Promise<readonly string[]> {
    await until(`${count} datagrams have come`, () => this.received.length >= count);
    return this.received.map(({ text }) => text);
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch {
      // Closed before.
    }
  }
}
