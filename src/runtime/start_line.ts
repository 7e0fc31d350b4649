/** The line that a gateway logs when it serves: what is running here. @module */
import { VERSION } from "../gateway/exchange/version.ts";
import type { Load } from "./threads/worker_pool.ts";

/**
 * `fluxheim 1.5.19, profile full: 2 vhosts, 3 routes, 1 listener, 4 workers; services: control`.
 *
 * @param profile Name of the build.
 */
export function startLine(
  profile: string,
  { config, deployment }: Load,
  listeners: readonly unknown[],
): string {
  const { vhosts, server } = config;
  const routes = vhosts.reduce((sum, vhost) => sum + vhost.routes.length, 0);
  const counts = [
    counted(vhosts.length, "vhost"),
    counted(routes, "route"),
    counted(listeners.length, "listener"),
    counted(server.process.threads, "worker"),
  ];
  const services = deployment.services.map(({ spec }) => spec.role).join(", ");
  return `fluxheim ${VERSION}, profile ${profile}: ${counts.join(", ")}; services: ${
    services === "" ? "none" : services
  }`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
