/**
 * The connections of one worker to one upstream: kept ones are used again, the last one first, so that
 * those which are not needed any more grow old and are closed.
 *
 * @module
 */
import { ClientError } from "../../http/client.ts";
import { type ConnectionOwner, Http1Client, type UpstreamTimeouts } from "../../http/h1/client.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Clock } from "../../net/clock.ts";
import { dial, DialError, type SourceFacts, type UpstreamTarget } from "../../net/dial.ts";

/** What a pool works with. */
export interface PoolOptions {
  readonly target: UpstreamTarget;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  /** Most idle connections kept. */
  readonly maxIdle: number;
}

/** Kept HTTP/1 connections to one upstream. */
export class UpstreamPool implements ConnectionOwner {
  readonly #idle: Http1Client[] = [];
  #stopped = false;

  constructor(readonly options: PoolOptions) {}

  /** The kept connection that was used last, if there is one. */
  takeIdle(): Http1Client | undefined {
    return this.#idle.pop();
  }

  /**
   * Opens a connection for `exchange`.
   *
   * @throws {ClientError} with stage `connect`.
   */
  async connect(exchange: Exchange): Promise<Http1Client> {
    const { target, clock, timeouts } = this.options;
    const source = target.proxyProtocol === "off" ? undefined : sourceOf(exchange);
    try {
      const { stream } = await dial(target, source, clock);
      return new Http1Client(stream, clock, timeouts, this);
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      throw new ClientError("connect", `${error.reason}: ${error.message}`, { cause: error });
    }
  }

  onIdle(connection: Http1Client): void {
    // A PROXY header speaks for one client: its connection must not carry another one's request.
    const keep = !this.#stopped && this.options.target.proxyProtocol === "off" &&
      this.#idle.length < this.options.maxIdle;
    if (keep) this.#idle.push(connection);
    else connection.close();
  }

  onClosed(connection: Http1Client): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Closes what is idle now, and the rest when it becomes idle. */
  stop(): void {
    this.#stopped = true;
    for (const connection of [...this.#idle]) connection.close();
  }
}

/** What a PROXY header says of `exchange`: a client behind a trusted proxy has no port we know of. */
function sourceOf({ connection, clientAddress }: Exchange): SourceFacts {
  const direct = clientAddress === connection.peerAddress;
  return {
    sourceAddress: clientAddress,
    sourcePort: direct ? connection.peerPort : 0,
    localAddress: connection.localAddress,
    localPort: connection.localPort,
  };
}
