/**
 * Pools of upstreams as streams know them: the module `load-balancer` chooses among the members of a route, and the
 * module of streams dials the one it has chosen.
 *
 * @module
 */
import { ExtensionPoint } from "./extension.ts";
import type { SnapshotContext } from "./module.ts";

/** One connection at one member. It counts as in flight until its end, whatever comes of it. */
export interface StreamTry {
  /** Address and port, in the one way to write them. */
  readonly address: string;
  /** Its alias, or the address. */
  readonly name: string;
  /** The member is connected to: how long that took is what `least-time` goes by. */
  connected(): void;
  /** The member did what it should, or did not; later words are not heard. */
  report(isFailure: boolean): void;
  /** The connection could not be made: a failure of the member, unless the fault is ours or the client's. */
  failed(error: unknown): void;
  /** It is over, without another word about the member. */
  end(): void;
}

/** The members that one connection tries. */
export interface StreamTries {
  /** The next one; `undefined` when each that may be tried has been. */
  next(): StreamTry | undefined;
}

/** The pool of one route. */
export interface StreamPool {
  /** @param client Address, for selections that hash it; `""` for an unknown one. */
  begin(client: string): StreamTries;
}

/** What a balancer has to know of a route; the module of streams has the rest. */
export interface BalancedStream {
  readonly name: string;
  readonly upstreams: readonly string[];
  readonly upstream_weights: readonly number[];
  readonly upstream_aliases: readonly string[];
  readonly backup_upstreams: readonly string[];
  readonly drain_upstreams: readonly string[];
  readonly connect_timeout_secs: number;
  readonly upstream_tls: boolean;
  readonly upstream_sni?: string | undefined;
  readonly upstream_alternative_cn?: string | undefined;
  readonly upstream_verify_cert: boolean;
  readonly upstream_verify_hostname: boolean;
  readonly upstream_ca_path?: string | undefined;
  readonly upstream_client_cert_path?: string | undefined;
  readonly upstream_client_key_path?: string | undefined;
  readonly upstream_proxy_protocol: "off" | "v1" | "v2";
  /** The balancer's own table: a route that has it has a pool. */
  readonly load_balance?: object | undefined;
}

/** Makes pools. */
export interface StreamBalancer {
  /**
   * The pool of a route, which has a table `load_balance`.
   */
  poolOf(route: BalancedStream, context: SnapshotContext): Promise<StreamPool>;
}

/** The balancer of a build; there is one, or none. */
export const streamBalancers = new ExtensionPoint<StreamBalancer>("stream.balancer");
