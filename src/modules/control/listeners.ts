/**
 * The listeners of the control service: HTTP/1 with narrow bounds, for probes of the machine or of its
 * network.
 *
 * @module
 */
import type { ServiceContext } from "../../gateway/service.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { Handler } from "../../http/exchange.ts";
import { HttpExchange } from "../../http/exchange.ts";
import { serveHttp1 } from "../../http/h1/server.ts";
import { OpenConnections, type ServerOptions } from "../../http/server.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import { closeQuietly, type Duplex } from "../../net/duplex.ts";
import { parseNetwork } from "../../net/ip.ts";
import { AcceptLoop } from "../../net/listen/accept_loop.ts";
import { openListener } from "../../net/listen/listen.ts";
import { socketPath } from "./table.ts";
import { isStillOwn, listenOnSocket } from "./unix_socket.ts";
import { answer, type HostRule } from "./health.ts";

/** Open connections of one listener; one more is closed at once. */
const MAX_CONNECTIONS = 64;
/** Time for a request head, from the connection's or the head's first byte. */
const HEAD_TIMEOUT_MS = 5_000;
/** Time between two requests. */
const IDLE_TIMEOUT_MS = 10_000;
/** A probe's request has a short target and a few fields. */
const LIMITS = { maxHeadBytes: 8_192, maxUriBytes: 1_024, maxFields: 64 } as const;

/** Answers a request that came in by a listener. */
export type Answer = (exchange: HttpExchange, rule: HostRule) => void;

/** Everything the service listens on. */
export class ControlListeners {
  readonly #context: Pick<ServiceContext, "clock" | "log">;
  readonly #answer: Answer;
  readonly #closers: (() => void)[] = [];
  readonly #open = new OpenConnections();

  constructor(context: Pick<ServiceContext, "clock" | "log">, answer: Answer) {
    this.#context = context;
    this.#answer = answer;
  }

  /**
   * Binds one entry of `server.health.listen` and answers what comes in by it.
   *
   * @param key Of the entry.
   * @param names Hosts that a loopback address answers to beside its own.
   * @throws when it cannot be bound.
   */
  async open(entry: string, key: string, names: () => ReadonlySet<string>): Promise<void> {
    const path = socketPath(entry);
    if (path !== undefined) return await this.#openSocket(entry, path, key);
    const { clock, log } = this.#context;
    const address = splitAuthority(entry);
    if (address === undefined) throw new TypeError(`not an address and port: ${entry}`);
    const rule = isLoopback(address.host)
      ? {
        get names() {
          return names();
        },
      }
      : { names: undefined };
    const handler = new ControlHandler((exchange) => this.#answer(exchange, rule));
    const listener = await openListener({
      kind: "tcp",
      protocol: "http/1.1",
      name: entry,
      key,
      hostname: address.host,
      port: address.port,
      reusePort: false,
      maxConnections: MAX_CONNECTIONS,
      proxyProtocol: "off",
      trustedProxies: undefined,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      clock,
      onFault: (error) => log.log("warn", "fluxheim", `${key}: accepting failed: ${error.message}`),
    }, (accepted) => {
      const { stream, facts } = accepted;
      void this.#serve(stream, facts, handler).finally(() => accepted.done());
    });
    this.#closers.push(() => listener.close());
    log.log("info", "fluxheim", `health is served on ${withPort(entry, listener.port)}`);
  }

  /** Accepts nothing more, and cuts what is open. */
  close(): void {
    for (const close of this.#closers) close();
    this.#closers.length = 0;
    this.#open.abort();
  }

  async #openSocket(entry: string, path: string, key: string): Promise<void> {
    const { clock, log } = this.#context;
    const socket = await listenOnSocket(path).catch((error) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${key}: cannot listen on ${entry}: ${reason}`, { cause: error });
    });
    const handler = new ControlHandler((exchange) => this.#answer(exchange, { names: undefined }));
    const facts = factsOf(entry);
    let open = 0;
    const loop = new AcceptLoop<Deno.UnixConn>(
      socket.listener,
      clock,
      (connection) => {
        if (open >= MAX_CONNECTIONS) return closeQuietly(connection);
        open++;
        void this.#serve(connection, facts, handler).finally(() => open--);
      },
      (error) => log.log("warn", "fluxheim", `${key}: accepting failed: ${error.message}`),
    );
    loop.start();
    this.#closers.push(() => {
      if (isStillOwn(socket)) void loop.close();
    });
    log.log("info", "fluxheim", `health is served on ${entry}`);
  }

  #serve(stream: Duplex, facts: ConnectionFacts, handler: ControlHandler): Promise<void> {
    const options: ServerOptions = {
      limits: LIMITS,
      clock: this.#context.clock,
      open: this.#open,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    };
    return serveHttp1(stream, facts, handler, options);
  }
}

/** Answers at once, and keeps nothing. */
class ControlHandler implements Handler<HttpExchange> {
  readonly #answer: (exchange: HttpExchange) => void;

  constructor(answer: (exchange: HttpExchange) => void) {
    this.#answer = answer;
  }

  create(connection: ConnectionFacts): HttpExchange {
    return new HttpExchange(connection);
  }

  handle(exchange: HttpExchange): void {
    const { headFault } = exchange;
    if (headFault === undefined) return this.#answer(exchange);
    this.refuse(exchange, headFault.status);
    exchange.closeAfter = true;
  }

  resume(): void {}

  fail(exchange: HttpExchange): void {
    answer(exchange, 500, "the control service has failed\n");
  }

  refuse(exchange: HttpExchange, status: number): void {
    answer(exchange, status, "the request cannot be read\n");
  }

  finish(): void {}
}

function isLoopback(host: string): boolean {
  const address = parseNetwork(host);
  if (address === undefined) return false;
  return host === "::1" || (address.family === 4 && host.startsWith("127."));
}

function factsOf(listener: string): ConnectionFacts {
  return {
    peerAddress: "",
    peerPort: 0,
    peerIsDirect: true,
    localAddress: "",
    localPort: 0,
    listener,
    tls: undefined,
  };
}

function withPort(entry: string, port: number): string {
  return `${entry.slice(0, entry.lastIndexOf(":"))}:${port}`;
}
