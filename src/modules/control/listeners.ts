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
import type { Duplex } from "../../net/duplex.ts";
import { parseNetwork } from "../../net/ip.ts";
import { type ListenerSpec, openListener } from "../../net/listen/listen.ts";
import { SocketIdentity } from "../../net/listen/socket_identity.ts";
import { unixPath } from "../../net/unix_address.ts";
import { answer, type HostRule } from "./health.ts";

/** The owner and the group may connect. */
const SOCKET_MODE = 0o660;
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
  readonly #context: Pick<ServiceContext, "clock" | "log" | "sockets">;
  readonly #answer: Answer;
  readonly #closers: (() => void)[] = [];
  readonly #open = new OpenConnections();

  constructor(context: Pick<ServiceContext, "clock" | "log" | "sockets">, answer: Answer) {
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
    const rule = ruleOf(entry, names);
    const handler = new ControlHandler((exchange) => this.#answer(exchange, rule));
    const listener = await openListener(this.#specOf(entry, key), (accepted) => {
      const { stream, facts } = accepted;
      void this.#serve(stream, facts, handler).finally(() => accepted.done());
    }, this.#context.sockets);
    this.#closers.push(() => listener.close());
    const where = unixPath(entry) === undefined ? withPort(entry, listener.port) : entry;
    this.#context.log.log("info", "fluxheim", `health is served on ${where}`);
  }

  /** Accepts nothing more, and cuts what is open. */
  close(): void {
    for (const close of this.#closers) close();
    this.#closers.length = 0;
    this.#open.abort();
  }

  #specOf(entry: string, key: string): ListenerSpec {
    const { clock, log } = this.#context;
    const common = {
      protocol: "http/1.1",
      name: entry,
      key,
      maxConnections: MAX_CONNECTIONS,
      proxyProtocol: "off",
      trustedProxies: undefined,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      clock,
      onFault: (error: Error) =>
        log.log("warn", "fluxheim", `${key}: accepting failed: ${error.message}`),
    } as const;
    const path = unixPath(entry);
    if (path !== undefined) {
      const owners = { owner: undefined, group: undefined };
      const identity = new SocketIdentity();
      return { ...common, kind: "unix", path, mode: SOCKET_MODE, ...owners, identity };
    }
    const { host: hostname, port } = addressOf(entry);
    return { ...common, kind: "tcp", hostname, port, reusePort: false };
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

/** Loopback addresses answer to their own names; every other listener whatever the host is. */
function ruleOf(entry: string, names: () => ReadonlySet<string>): HostRule {
  if (unixPath(entry) !== undefined || !isLoopback(addressOf(entry).host)) {
    return { names: undefined };
  }
  return {
    get names() {
      return names();
    },
  };
}

function addressOf(entry: string): { readonly host: string; readonly port: number } {
  const address = splitAuthority(entry);
  if (address === undefined) throw new TypeError(`not an address and port: ${entry}`);
  return address;
}

function isLoopback(host: string): boolean {
  const address = parseNetwork(host);
  if (address === undefined) return false;
  return host === "::1" || (address.family === 4 && host.startsWith("127."));
}

function withPort(entry: string, port: number): string {
  return `${entry.slice(0, entry.lastIndexOf(":"))}:${port}`;
}
