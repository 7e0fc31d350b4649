/**
 * One connection to an upstream in the making: TCP or a unix socket, then a PROXY header, then TLS.
 *
 * TLS goes one of two ways. The runtime's own is the faster one, but only adds to the platform's roots
 * and knows one name and no client certificate after a PROXY header; whatever it cannot do goes through
 * `node:tls`. It cannot end a handshake either: see {@linkcode unfinished}.
 *
 * @module
 */
import { type BlockList, connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Clock, type Expiring, NEXT_TICK } from "../clock.ts";
import { DialError, explainDialError } from "./dial_error.ts";
import { closeQuietly, type Duplex, writeAll } from "../duplex.ts";
import { ipFamily } from "../ip.ts";
import { NodeDuplex } from "../node_duplex.ts";
import { encodeProxyHeader } from "../listen/proxy_protocol.ts";
import { readSwitchOf } from "../read_switch.ts";
import { isRestricted, restrictedList } from "../restricted.ts";
import { UNIX } from "../unix_address.ts";
import type { UpstreamTarget, UpstreamTls } from "./upstream_target.ts";
import { nameProblem, UntrustedCertificate } from "../tls/verify_peer.ts";

/** The client a connection is made for, as a PROXY header names it. */
export interface SourceFacts {
  /** Effective client address; `""` when unknown. */
  readonly sourceAddress: string;
  /** Its port; 0 when it is not the TCP peer's own (spec 02 section 9.7). */
  readonly sourcePort: number;
  /** Where the client connected to. */
  readonly localAddress: string;
  readonly localPort: number;
}

/** A connection that is ready for its codec. */
export interface Dialed {
  readonly stream: Duplex;
  readonly protocol: "http/1.1" | "h2" | "opaque";
}

/**
 * Targets with a handshake that was given up. The runtime cannot end one: a connection that is closed within
 * its handshake keeps its socket, so it is closed after the handshake. An upstream that never answers would
 * cost a socket for each attempt; so the next attempts go through `node:tls`, which does end them, until a
 * handshake comes to its end.
 */
const unfinished = new WeakSet<UpstreamTarget>();

/** One connection in the making: whatever is open by now is closed when the time is over. */
export class Attempt implements Expiring {
  deadline = 0;
  readonly #target: UpstreamTarget;
  readonly #clock: Clock;
  readonly #caller: AbortSignal | undefined;
  /** Ends the runtime's own connect, where that is what waits. */
  #connecting: AbortController | undefined;
  readonly #start: number;
  /** What has to be closed to end the attempt. */
  #open: { close(): void } | undefined;
  #stage: "connect" | "handshake" = "connect";
  #expired = false;
  #isGivenUp = false;
  /** Ticks of the clock since it was. */
  #ticksSince = 0;

  constructor(target: UpstreamTarget, clock: Clock, caller: AbortSignal | undefined) {
    this.#target = target;
    this.#clock = clock;
    this.#caller = caller;
    this.#start = clock.now;
    clock.watch(this);
    caller?.addEventListener("abort", this.giveUp);
  }

  async run(source: SourceFacts | undefined): Promise<Dialed> {
    const { tls } = this.#target;
    this.#limit(this.#target.connectTimeoutMs);
    this.#caller?.throwIfAborted();
    if (this.#target.path !== undefined) {
      return await this.#throughSocket(this.#target.path, source);
    }
    const mayRuntime = tls === undefined || runtimeCan(tls) && !unfinished.has(this.#target);
    if (!mayRuntime || isGuarded(this.#target)) return await this.#throughNode(tls, source);
    const { host: hostname, port } = this.#target;
    this.#connecting = new AbortController();
    const { signal } = this.#connecting;
    const connection = this.#opened(await Deno.connect({ hostname, port, signal }));
    connection.setNoDelay(true);
    const introduction = this.#introduction(source);
    if (introduction !== undefined) await writeAll(connection, introduction);
    if (tls === undefined) return { stream: connection, protocol: this.#protocolOf(undefined) };
    return await this.#throughRuntime(tls, connection);
  }

  /** The kernel connects to a unix socket at once or not at all, so there is nothing to end on the way. */
  async #throughSocket(path: string, source: SourceFacts | undefined): Promise<Dialed> {
    const connection = this.#opened(await Deno.connect({ transport: "unix", path }));
    const introduction = this.#introduction(source);
    if (introduction !== undefined) await writeAll(connection, introduction);
    return { stream: connection, protocol: this.#protocolOf(undefined) };
  }

  /** Ends what is open; also what the caller's signal calls. */
  readonly giveUp = (): void => {
    this.#isGivenUp = true;
    if (this.#open !== undefined) closeQuietly(this.#open);
    // The runtime loses the socket of a connection that has just been made when the attempt is ended:
    // what comes within the next turns of the event loop is taken, and closed.
    else this.deadline = NEXT_TICK;
  };

  /** Keeps what has been opened, or closes it: the attempt may have been given up while it was on its way. */
  #opened<T extends { close(): void }>(opened: T): T {
    this.#open = opened;
    if (!this.#isGivenUp) return opened;
    closeQuietly(opened);
    throw new Deno.errors.Interrupted("given up");
  }

  expire(): void {
    if (this.#isGivenUp && ++this.#ticksSince < 2) {
      this.deadline = NEXT_TICK;
      return;
    }
    this.#connecting?.abort();
    if (this.#isGivenUp) return;
    this.#expired = true;
    this.giveUp();
  }

  end(): void {
    this.#clock.unwatch(this);
    this.#caller?.removeEventListener("abort", this.giveUp);
  }

  explain(error: unknown): DialError {
    const address = addressOf(this.#target);
    if (this.#expired) {
      return new DialError("timeout", `${address}: no ${this.#stage} in time`, { cause: error });
    }
    if (this.#caller?.aborted === true) {
      return new DialError("aborted", `${address}: given up`, { cause: error });
    }
    return explainDialError(address, error);
  }

  /** Sets the deadline `ms` from now, or at the end of the whole attempt if that is sooner. */
  #limit(ms: number | undefined): void {
    const total = this.#target.totalConnectTimeoutMs;
    const own = ms === undefined ? Infinity : this.#clock.now + ms;
    const deadline = Math.min(own, total === undefined ? Infinity : this.#start + total);
    this.deadline = deadline === Infinity ? 0 : deadline;
  }

  /** The PROXY header to send first. */
  #introduction(source: SourceFacts | undefined): Uint8Array | undefined {
    const version = this.#target.proxyProtocol;
    if (version === "off") return undefined;
    const from = source && { address: source.sourceAddress, port: source.sourcePort };
    const to = source && { address: source.localAddress, port: source.localPort };
    return encodeProxyHeader(version, from, to);
  }

  async #throughRuntime(tls: UpstreamTls, connection: Deno.TcpConn): Promise<Dialed> {
    this.#stage = "handshake";
    this.#limit(undefined);
    const givenUp = Promise.withResolvers<never>();
    this.#open = {
      close: () => {
        unfinished.add(this.#target);
        givenUp.reject(new Deno.errors.Interrupted("given up"));
      },
    };
    const shaking = shake(connection, {
      hostname: tls.serverName,
      alpnProtocols: this.#offer(),
      unsafelyDisableHostnameVerification: tls.verifyNames.length === 0,
    });
    try {
      const { secured, alpnProtocol } = await Promise.race([shaking, givenUp.promise]);
      this.#open = secured;
      return { stream: secured, protocol: this.#protocolOf(alpnProtocol) };
    } catch (error) {
      this.#open = undefined;
      shaking.then(({ secured }) => closeQuietly(secured), () => {});
      throw error;
    }
  }

  async #throughNode(
    tls: UpstreamTls | undefined,
    source: SourceFacts | undefined,
  ): Promise<Dialed> {
    const plain = connectSocket(socketOptions(this.#target));
    const closing = { close: () => void plain.destroy() };
    this.#open = closing;
    await event(plain, "connect");
    this.#opened(closing);
    // A list of networks is the library's to read; the address that it came to is ours.
    if (isGuarded(this.#target) && isRestricted(plain.remoteAddress ?? "")) {
      throw new DialError("restricted", `${addressOf(this.#target)} leads to a restricted address`);
    }
    const introduction = this.#introduction(source);
    if (introduction !== undefined) plain.write(introduction);
    if (tls === undefined) {
      const stream = new NodeDuplex(plain, this.#clock);
      return { stream, protocol: this.#protocolOf(undefined) };
    }
    const below = readSwitchOf(plain);
    this.#stage = "handshake";
    this.#limit(undefined);
    let misnamed: Error | undefined;
    const secured = connectTls({
      socket: plain,
      servername: ipFamily(tls.serverName) === 0 ? tls.serverName : "",
      ALPNProtocols: this.#offer(),
      // A client certificate is shown to a verified peer only. Without one the handshake may end first:
      // only then can be seen which certificate the library did not like.
      rejectUnauthorized: tls.verifyChain && tls.client !== undefined,
      checkServerIdentity: (_asked, certificate) => {
        misnamed = nameProblem(tls.verifyNames, certificate);
        return misnamed;
      },
      ca: tls.roots,
      cert: tls.client?.cert,
      key: tls.client?.key,
    });
    this.#open = { close: () => void secured.destroy() };
    await event(secured, "secureConnect");
    unfinished.delete(this.#target);
    if (tls.verifyChain && !secured.authorized) {
      throw misnamed ?? new UntrustedCertificate(secured.getPeerCertificate(), Date.now());
    }
    const { alpnProtocol } = secured;
    const protocol = this.#protocolOf(typeof alpnProtocol === "string" ? alpnProtocol : undefined);
    return { stream: new NodeDuplex(secured, this.#clock, below), protocol };
  }

  /** What is offered by ALPN (spec 02 section 9.3). */
  #offer(): string[] | undefined {
    switch (this.#target.version) {
      case "http1":
        return ["http/1.1"];
      case "http2":
        return ["h2"];
      case "http1-and-http2":
        return ["h2", "http/1.1"];
      case "opaque":
        return undefined;
    }
  }

  #protocolOf(chosen: string | null | undefined): Dialed["protocol"] {
    const { version, tls } = this.#target;
    if (version === "opaque") return "opaque";
    if (chosen === "h2" || (version === "http2" && tls === undefined)) return "h2";
    if (version !== "http2") return "http/1.1";
    throw new DialError("tls_protocol", `${this.#target.host} does not speak HTTP/2`);
  }
}

/** The runtime's handshake, from the start to the end. */
async function shake(
  connection: Deno.TcpConn,
  options: Deno.StartTlsOptions,
): Promise<{ secured: Deno.TlsConn; alpnProtocol: string | null }> {
  const secured = await Deno.startTls(connection, options);
  try {
    const { alpnProtocol } = await secured.handshake();
    return { secured, alpnProtocol };
  } catch (error) {
    closeQuietly(secured);
    throw error;
  }
}

function addressOf({ host, port, path }: UpstreamTarget): string {
  if (path !== undefined) return UNIX + path;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether the addresses that the target's name leads to have to be looked at. */
function isGuarded({ host, refusesRestricted }: UpstreamTarget): boolean {
  return refusesRestricted === true && ipFamily(host) === 0;
}

const restricted = restrictedList();

/** `blockList` and the addresses tried one after the other are the library's own way to skip answers. */
function socketOptions(target: UpstreamTarget): TcpOptions {
  const { host, port } = target;
  const options = { host, port, noDelay: true, allowHalfOpen: true };
  if (!isGuarded(target)) return options;
  return { ...options, autoSelectFamily: true, blockList: restricted };
}

/** Node's own types know them as options of `new Socket` and of `connect`. */
interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly noDelay: boolean;
  readonly allowHalfOpen: boolean;
  readonly autoSelectFamily?: boolean;
  readonly blockList?: BlockList;
}

/** Whether the runtime's own TLS verifies exactly what is asked for. */
function runtimeCan(tls: UpstreamTls): boolean {
  const { serverName, verifyChain, verifyNames, roots, client } = tls;
  if (!verifyChain || roots !== undefined || client !== undefined || serverName === "") {
    return false;
  }
  return verifyNames.length === 0 || (verifyNames.length === 1 && verifyNames[0] === serverName);
}

/** Waits for `name`, or for the error that comes instead. */
function event(socket: Socket, name: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Deno.errors.ConnectionReset("closed before it was ready"));
    const settled = () => {
      socket.off("close", onClose);
      // Errors of a socket without a listener would end the process.
      socket.off("error", onError);
      socket.on("error", () => {});
    };
    const onError = (error: Error) => {
      settled();
      reject(error);
    };
    socket.once("close", onClose);
    socket.once("error", onError);
    socket.once(name, () => {
      settled();
      resolve();
    });
  });
}
