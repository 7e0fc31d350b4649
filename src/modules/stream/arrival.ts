/** The beginning of a connection whose route is chosen by its TLS hello: PROXY header, then hello. @module */
import type { Drainable } from "../../http/server.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import { closeQuietly, type Duplex } from "../../net/duplex.ts";
import { readProxyHeader } from "../../net/listen/read_proxy_header.ts";
import { protocolsIn, readClientHello } from "../../net/tls/client_hello.ts";
import type { Choice } from "./choice.ts";
import type { Client } from "./client.ts";
import type { StreamRoute } from "./route.ts";

/** Time for header and hello. */
export const HELLO_TIMEOUT_MS = 10_000;
/** Most connections of one worker that are waited for so. */
export const MAX_HELLOS = 2_048;
/** A hello mostly comes in one piece of this size. */
const PIECE_BYTES = 2_048;

const NOTHING = new Uint8Array(0);

/** A connection whose route is known. */
export interface Arrived {
  readonly route: StreamRoute;
  readonly client: Client;
  /** Read already; the upstream's. */
  readonly early: Uint8Array;
}

/** A connection that is looked into. It is closed where it does not arrive. */
export class Arrival implements Drainable, Expiring {
  deadline: number;
  #why = "the client left before its TLS hello was complete";
  readonly #choice: Choice<StreamRoute>;
  readonly #stream: Duplex;
  readonly #facts: ConnectionFacts;
  readonly #clock: Clock;

  constructor(choice: Choice<StreamRoute>, stream: Duplex, facts: ConnectionFacts, clock: Clock) {
    this.#choice = choice;
    this.#stream = stream;
    this.#facts = facts;
    this.#clock = clock;
    this.deadline = clock.now + HELLO_TIMEOUT_MS;
  }

  drain(): void {}

  abort(): void {
    this.#end("the gateway stops");
  }

  expire(): void {
    this.#end("no TLS hello in time");
  }

  /** Reads header and hello, and chooses. @returns The reason in words where there is no route for it. */
  async read(): Promise<Arrived | string> {
    this.#clock.watch(this);
    try {
      return await this.#read();
    } catch {
      // Reset by the client, or closed by the time limit.
      return this.#why;
    } finally {
      this.#clock.unwatch(this);
    }
  }

  async #read(): Promise<Arrived | string> {
    // Routes of one listener agree on the header and who may send it.
    const [first] = this.#choice.routes;
    let client: Client = { address: this.#facts.peerAddress, port: this.#facts.peerPort };
    let early: Uint8Array = NOTHING;
    if (first.header !== "off") {
      if (!first.trusted.has(client.address)) {
        return this.#end("PROXY header from a peer that is not in trusted_proxies");
      }
      const header = await readProxyHeader(
        this.#stream,
        first.header,
        this.#clock,
        HELLO_TIMEOUT_MS,
      );
      if (typeof header === "string") return "no valid PROXY header in time";
      client = header.source ?? { address: "", port: 0 };
      early = header.rest;
    }
    const hello = await readClientHello({ next: () => this.#next() }, early);
    if (hello === undefined) return this.#end(this.#why);
    const route = this.#choice.of(hello.serverName, protocolsIn(hello.bytes));
    if (route !== undefined) return { route, client, early: hello.bytes };
    return this.#end(
      `no route for the name ${JSON.stringify(hello.serverName)} of ${
        client.address || "an unknown client"
      }`,
    );
  }

  async #next(): Promise<Uint8Array | null> {
    const piece = new Uint8Array(PIECE_BYTES);
    const count = await this.#stream.read(piece);
    return count === null ? null : piece.subarray(0, count);
  }

  #end(why: string): string {
    this.#why = why;
    closeQuietly(this.#stream);
    return why;
  }
}
