/**
 * The shared tables of a process: the runtime's own and those its modules ask for.
 *
 * @module
 */
import type { Config } from "../config/types.ts";
import type { Module } from "../gateway/module.ts";
import { ConnectionBudget } from "../net/connection_budget.ts";
import type { ZoneRequest } from "../net/zone.ts";
import { heartBytes } from "./heart.ts";
import { RING_BYTES } from "./log_ring.ts";

/**
 * How many worker indices a process has: two for each thread, because a reload that needs other
 * permissions starts new workers while the old ones finish. `server.process` never changes in a
 * running process, so neither does this.
 */
export function workerSlots({ server }: Config): number {
  return 2 * server.process.threads;
}

/** The zone in which workers beat. */
export const HEARTS = "runtime/hearts";

/** The zone of a thread's log ring; the keeper's index is {@linkcode workerSlots}. */
export function logZone(slot: number): string {
  return `runtime/log/${slot}`;
}

/** The zone that counts the open connections of a listener over all workers. */
export function connectionsZone(listener: string): string {
  return `runtime/connections/${listener}`;
}

/** Every `server.listen` and `server.tls_listen` entry. */
export function listenerEntries({ server }: Config): readonly string[] {
  return [...server.listen, ...server.tls_listen];
}

/** Everything that must exist before a worker starts with `config`. */
export function zoneRequests(config: Config, modules: readonly Module[]): ZoneRequest[] {
  const slots = workerSlots(config);
  const requests: ZoneRequest[] = [{ name: HEARTS, bytes: heartBytes(slots) }];
  for (let slot = 0; slot <= slots; slot++) {
    requests.push({ name: logZone(slot), bytes: RING_BYTES });
  }
  for (const listener of listenerEntries(config)) {
    requests.push({ name: connectionsZone(listener), bytes: ConnectionBudget.bytes(slots) });
  }
  for (const module of modules) requests.push(...module.zones?.(config, slots) ?? []);
  return requests;
}
