/**
 * Explaining what a module does with a connection or a datagram that is not HTTP, for `fluxheim explain`.
 *
 * @module
 */

/** A connection in the words of the command line. */
export interface AskedConnection {
  /** What it is of. */
  readonly transport: "tcp" | "udp";
  /** Host of the URL; `""` for whatever address listens on the port. */
  readonly host: string;
  /** Port that it goes to. */
  readonly port: number;
  /** Address that it comes from. */
  readonly from: string;
  /** Name that a TLS client asks for; `""` for none. */
  readonly serverName: string;
  /** Protocols that a TLS client offers. */
  readonly protocols: readonly string[];
}

/** A listener or a route, and why it is or is not the one. */
export interface ConsideredRoute {
  /** As the configuration names it. */
  readonly name: string;
  /** Whether it is the one. */
  readonly taken: boolean;
  /** In words. */
  readonly reason: string;
}

/** Everything there is to say about one connection. */
export interface ConnectionExplanation {
  /** Name of the module that says it. */
  readonly module: string;
  /** The listeners of the module. */
  readonly listeners: readonly ConsideredRoute[];
  /** The routes of the listener that takes it. */
  readonly routes: readonly ConsideredRoute[];
  /** What is done in order, each with what it comes to. */
  readonly steps: readonly (readonly [what: string, detail: string])[];
  /** What becomes of it, in one line. */
  readonly outcome: string;
}
