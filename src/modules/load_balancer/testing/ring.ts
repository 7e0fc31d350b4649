/** Rings of nginx over ports of this machine, for tests beside nginx. @module */
import { newMemory } from "../../../zones/layout.ts";
import { Chooser } from "../request/chooser.ts";
import { poolMemory, SharedPool } from "../memory/pool_memory.ts";
import { nginxRing } from "../selection/nginx_ring.ts";
import { SEEDS, settingsWith } from "./pool.ts";

/** A ring of the ports of 127.0.0.1, each with its weight. */
export function ringOf(weights: Readonly<Record<number, number>>): Chooser {
  const settings = new Map(
    Object.entries(weights).map((
      [port, weight],
    ) => [`127.0.0.1:${port}`, settingsWith({ weight })]),
  );
  const memory = newMemory(poolMemory, undefined, 1);
  poolMemory.apply?.(memory, { members: [...settings.keys()] }, {
    threads: 1,
    waitUntil: Infinity,
  });
  return new Chooser({
    shared: new SharedPool(memory, { index: 0, count: 1 }),
    rules: {
      settings,
      hasPriorities: false,
      minActive: 1,
      hasPreferred: false,
      slowStart: false,
      failOpen: false,
    },
    policy: nginxRing,
    maxIterations: 256,
    loadFactor: 1250,
    seeds: SEEDS,
    now: () => 1,
    slowStart: undefined,
    minHealthy: undefined,
    sessions: () => 0,
    onMembers: () => {},
  });
}

/** The address of the member for `key`. */
export function memberAddress(ring: Chooser, key: string): string {
  return ring.choose({ key, tried: undefined, isFirst: true })?.address ?? "";
}
