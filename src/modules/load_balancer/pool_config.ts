/** The keys of a block with a pool. @module */
import type { ProxyConfig } from "../proxy/table.ts";
import type { LoadBalanceConfig, PoolKeys } from "./schema.ts";

/** A proxy block of a build with pools, which has all of their keys. */
export type PoolConfig = ProxyConfig & PoolKeys & { readonly load_balance: LoadBalanceConfig };
