/**
 * Listeners of the control service: HTTP/1 with narrow bounds, for probes and operators of the machine or of
 * its network. Each part of the service has its own.
 *
 * @module
 */
import type { ServiceContext } from "../../gateway/threads/service.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { Handler } from "../../http/exchange.ts";
import { HttpExchange } from "../../http/exchange.ts";
import { serveHttp1 } from "../../http/h1/server.ts";
import type { HeadLimits } from "../../http/head_limits.ts";
import { OpenConnections, type ServerOptions } from "../../http/server.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import type { Duplex } from "../../net/duplex.ts";
import { ipFamily } from "../../net/ip.ts";
import { type ListenerSpec, openListener } from "../../net/listen/listen.ts";
import { SocketIdentity } from "../../net/listen/socket_identity.ts";
import { unixPath } from "../../net/unix_address.ts";

/** The owner and the group may connect. */
const SOCKET_MODE = 0o660;
/** Open connections of one listener; one more is closed at once. */
const MAX_CONNECTIONS = 64;
/** Time for a request head, from the connection's or the head's first byte. */
const HEAD_TIMEOUT_MS = 5_000;
/** Time between two requests. */
const IDLE_TIMEOUT_MS = 10_000;
/** Time for the next piece of a request body, or for a write to be taken. */
const STALL_TIMEOUT_MS = 10_000;
/** Time for a whole answer: a scraper that takes a byte at a time keeps others from theirs. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Whom a listener answers. */
export interface HostRule {
  /** Further names; `undefined` for a listener that answers whatever the host is. */
  readonly names: ReadonlySet<string> | undefined;
}

/** What answers the requests of some listeners. */
export interface ControlProgram {
  /** What is served there, for the log: `health`. */
  readonly subject: string;
  readonly limits: HeadLimits;
  /** Answers a request whose head could be read. */
  answer(exchange: HttpExchange, rule: HostRule): void | Promise<void>;
  /** Answers one that could not, or is too large. */
  refuse(exchange: HttpExchange, status: number): void;
  /** Answers one that the service has failed with. */
  fail(exchange: HttpExchange, reason: unknown): void;
}

/** What listeners need of their service. */
type ListenerContext = Pick<ServiceContext, "clock" | "sockets"> & {
  readonly log: Pick<ServiceContext["log"], "log">;
};

/** Everything that a part of the service listens on. */
export class ControlListeners {
  readonly #context: ListenerContext;
  readonly #program: ControlProgram;
  readonly #closers: (() => void)[] = [];
  readonly #open = new OpenConnections();

  constructor(context: ListenerContext, program: ControlProgram) {
    this.#context = context;
    this.#program = program;
  }

  /**
   * Binds an address and answers what comes in by it.
   *
   * @param entry Address and port, or `unix:` and the path of a socket.
   * @param key Of the entry.
   * @param names Hosts that a loopback address answers to beside its own.
   * @param mode Of a socket.
   * @throws when it cannot be bound.
   */
  async open(
    entry: string,
    key: string,
    names: () => ReadonlySet<string>,
    mode = SOCKET_MODE,
  ): Promise<void> {
    const rule = ruleOf(entry, names);
    const handler = new ControlHandler(this.#program, rule);
    const listener = await openListener(this.#specOf(entry, key, mode), (accepted) => {
      const { stream, facts } = accepted;
      void this.#serve(stream, facts, handler).finally(() => accepted.done());
    }, this.#context.sockets);
    this.#closers.push(() => listener.close());
    const where = unixPath(entry) === undefined ? withPort(entry, listener.port) : entry;
    this.#context.log.log("info", "fluxheim", `${this.#program.subject} is served on ${where}`);
  }

  /** Accepts nothing more, and cuts what is open. */
  close(): void {
    for (const close of this.#closers) close();
    this.#closers.length = 0;
    this.#open.abort();
  }

  #specOf(entry: string, key: string, mode: number): ListenerSpec {
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
      return { ...common, kind: "unix", path, mode, ...owners, identity };
    }
    const { host: hostname, port } = addressOf(entry);
    return { ...common, kind: "tcp", hostname, port, reusePort: false };
  }

  #serve(stream: Duplex, facts: ConnectionFacts, handler: ControlHandler): Promise<void> {
    const options: ServerOptions = {
      limits: this.#program.limits,
      clock: this.#context.clock,
      open: this.#open,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    };
    return serveHttp1(stream, facts, handler, options);
  }
}

/** Hands requests to a program, and keeps nothing. */
class ControlHandler implements Handler<HttpExchange> {
  readonly #program: ControlProgram;
  readonly #rule: HostRule;

  constructor(program: ControlProgram, rule: HostRule) {
    this.#program = program;
    this.#rule = rule;
  }

  create(connection: ConnectionFacts): HttpExchange {
    return new HttpExchange(connection);
  }

  handle(exchange: HttpExchange): void | Promise<void> {
    exchange.bodyTimeoutMs = STALL_TIMEOUT_MS;
    exchange.writeTimeoutMs = STALL_TIMEOUT_MS;
    exchange.responseTimeoutMs = ANSWER_TIMEOUT_MS;
    const { headFault } = exchange;
    if (headFault === undefined) return this.#program.answer(exchange, this.#rule);
    this.refuse(exchange, headFault.status);
    exchange.closeAfter = true;
  }

  resume(): void {}

  fail(exchange: HttpExchange, reason: unknown): void {
    this.#program.fail(exchange, reason);
  }

  refuse(exchange: HttpExchange, status: number): void {
    this.#program.refuse(exchange, status);
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

/**
 * Whether a request names its listener. A page of any site may have its own name lead to a loopback address,
 * and read what answers there; its requests name that site (DNS rebinding). A request that names no host is
 * no browser's.
 */
export function isOwnHost({ authority, host }: HttpExchange, { names }: HostRule): boolean {
  if (names === undefined || authority === "") return true;
  return host === "localhost" || ipFamily(host) !== 0 || names.has(host);
}

function isLoopback(host: string): boolean {
  return host === "::1" || (ipFamily(host) === 4 && host.startsWith("127."));
}

function withPort(entry: string, port: number): string {
  return `${entry.slice(0, entry.lastIndexOf(":"))}:${port}`;
}
