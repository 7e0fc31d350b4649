/**
 * Pools of upstreams as the proxy knows them: the module `load-balancer` chooses among the members of a block,
 * and asks the one it has chosen through the proxy's own connections.
 *
 * @module
 */
import { ExtensionPoint } from "../../gateway/extension.ts";
import type { RouteScope, SnapshotContext } from "../../gateway/module.ts";
import type { Origin } from "../../gateway/origin.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { ProxyConfig } from "./schema.ts";

/** One member, over connections of its own. */
export interface MemberUpstream extends Origin {
  /** Closes what is idle now, and the rest when it becomes idle. */
  close(): void;
}

/** A proxy block with several upstreams. */
export interface BalancedBlock {
  readonly scope: RouteScope;
  readonly proxy: ProxyConfig;
  readonly context: SnapshotContext;
  /** All that connections depend on but the address of the member. */
  readonly connectionKey: string;
  /** Makes the way to the member at `address`; its connections are those of the caller. */
  connect(address: string): MemberUpstream;
}

/** The pool of a block. */
export interface BalancedOrigin extends Origin {
  /** What it would do with a request, in one line, for `fluxheim explain`. */
  explain(exchange: Exchange): string;
}

/** Makes pools. */
export interface Balancer {
  /** The pool of a block; `undefined` where it has a single upstream. */
  poolOf(block: BalancedBlock): BalancedOrigin | undefined;
}

/** The balancer of a build; there is one, or none. */
export const balancers = new ExtensionPoint<Balancer>("proxy.balancer");
