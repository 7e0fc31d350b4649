/**
 * The runtime's own tables that all workers of a process share.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Role } from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";

/**
 * Generations of workers that there may be at once: one that serves, and those that finish what they have,
 * which for a WebSocket can take hours. Each has its threads' memory, so there is a bound.
 */
export const GENERATIONS = 8;

/**
 * How many worker indices a process has: one for each thread of each generation, because a reload that
 * needs other permissions starts new workers while the old ones finish. `server.process` never changes in
 * a running process, so neither does this.
 */
export function workerSlots({ server }: Config): number {
  return GENERATIONS * server.process.threads;
}

/** The zone that counts the open connections of a listener over all workers. */
export function connectionsZone(listener: string): string {
  return `runtime/connections/${listener}`;
}

/** Every `server.listen` and `server.tls_listen` entry. */
export function listenerEntries({ server }: Config): readonly string[] {
  return [...server.listen, ...server.tls_listen];
}

/** The runtime's own tables. */
export function zoneRequests(config: Config): ZoneRequest<Role>[] {
  return listenerEntries(config).map((listener) =>
    zone(count, { name: connectionsZone(listener), roles: ["edge"] })
  );
}
