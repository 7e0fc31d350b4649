/**
 * The stream routes of a configuration that have pools. Read by shape: a build with pools need not have streams,
 * whose module has checked what is there.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { BalancedStream } from "../../gateway/stream_pool.ts";
import type { StreamBalanceConfig } from "./schema.ts";

/** A route with a pool. */
export interface PooledStream extends BalancedStream {
  readonly load_balance: StreamBalanceConfig;
}

interface StreamTable {
  readonly enabled?: boolean;
  readonly routes?: readonly BalancedStream[];
}

/** Each of them, with the key of its table. */
export function* pooledStreams(
  config: Config,
): Generator<{ readonly route: PooledStream; readonly key: string }> {
  const stream = Reflect.get(config, "stream") as StreamTable | undefined;
  if (stream?.enabled !== true) return;
  for (const [i, route] of (stream.routes ?? []).entries()) {
    if (isPooled(route)) yield { route, key: `stream.routes[${i}]` };
  }
}

function isPooled(route: BalancedStream): route is PooledStream {
  return route.load_balance !== undefined;
}
