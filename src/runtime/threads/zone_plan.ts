/**
 * The runtime's own tables that all workers of a process share.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { ListenerNeed } from "../../gateway/module.ts";
import type { Role, ServiceRole } from "../../gateway/threads/thread.ts";
import { SocketIdentity } from "../../net/listen/socket_identity.ts";
import { count } from "../../zones/count.ts";
import { type Layout, zone, type ZoneRequest } from "../../zones/layout.ts";

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

/** Roles of services in the order of their indices. */
export const SERVICE_ROLES = [
  "control",
  "store",
  "balancer",
  "php",
  "acme",
  "telemetry",
  "auth",
  "udp",
  "quic",
  "fleet",
] as const satisfies readonly ServiceRole[];

/**
 * Threads of one role whose event loop may stop. A thread in an endless loop cannot be ended from outside: it
 * keeps a processor busy until the process ends, and can still write with the index that it has. So the thread
 * that takes its place has another index, and there is no third one.
 */
export const MAX_STOPPED_THREADS = 2;

/** How many threads may work with shared memory: those with a worker index, and the services after them. */
export function threadSlots(config: Config): number {
  return workerSlots(config) + MAX_STOPPED_THREADS * SERVICE_ROLES.length;
}

/**
 * Index of a service among these.
 *
 * @param stopped How many threads of this role have stopped before, fewer than {@linkcode MAX_STOPPED_THREADS}.
 */
export function serviceSlot(config: Config, role: ServiceRole, stopped = 0): number {
  return workerSlots(config) + stopped * SERVICE_ROLES.length + SERVICE_ROLES.indexOf(role);
}

/** The zone that counts the open connections of a listener over all workers. */
export function connectionsZone(listener: string): string {
  return `runtime/connections/${listener}`;
}

/** The zone that says which file the process's socket at `listener` is. */
export function socketZone(listener: string): string {
  return `runtime/socket/${listener}`;
}

/** Which socket file of a unix listener is this process's own, for all workers. */
export const socketIdentity: Layout<SocketIdentity> = {
  kind: "socket identity",
  parts: "shared",
  bytes: () => SocketIdentity.BYTES,
  open: (memory) => new SocketIdentity(memory),
};

/** The runtime's own tables. */
export function zoneRequests(listeners: readonly ListenerNeed[]): ZoneRequest<Role>[] {
  return listeners.flatMap(({ kind, address }) => {
    const connections = zone(count, { name: connectionsZone(address), roles: ["edge"] as const });
    if (kind !== "unix") return [connections];
    return [connections, zone(socketIdentity, { name: socketZone(address), roles: ["edge"] })];
  });
}
