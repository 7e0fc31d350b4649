/** What the keeper and the service both know of `[udp]`. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { UdpMode, UdpRouteConfig } from "./schema.ts";

/** The tables that the service is handed. */
export const TABLES = ["udp"] as const;

/** The routes that are switched on. */
export function udpRoutes({ udp }: Pick<ConfigPart, "udp">): readonly UdpRouteConfig[] {
  return udp?.enabled === true ? udp.routes ?? [] : [];
}

/** Every upstream of a route, in the order of the configuration. */
export function upstreamsOf({ upstream, upstreams }: UdpRouteConfig): readonly string[] {
  return upstream === undefined ? upstreams : [upstream];
}

/** A mode as labels of metrics spell it. */
export function modeLabel(mode: UdpMode): string {
  return mode.replaceAll("-", "_");
}

/** Where sockets to upstreams are bound: the system picks the port. */
export function localHostFor(upstream: string): "0.0.0.0" | "::" {
  return splitAuthority(upstream)?.host.includes(":") === true ? "::" : "0.0.0.0";
}

/** Whether answers to questions with forged sources may leave this machine by `route`. */
export function isExposed({ mode, listen }: UdpRouteConfig): boolean {
  return mode === "dns-load-balance" && listen.some((address) => !isLoopback(address));
}

/** Every client that this machine can be of itself. */
const OWN_CLIENTS = ["127.0.0.0/8", "::1"];

/** Whose datagrams a route takes; `undefined` for everyone's. */
export function clientRanges(
  { mode, client_ranges }: UdpRouteConfig,
): readonly string[] | undefined {
  if (client_ranges.length > 0) return client_ranges;
  return mode === "syslog-forward" ? undefined : OWN_CLIENTS;
}

/** Whether every listener is one of this machine's own addresses for itself. */
export function isLocal({ listen }: UdpRouteConfig): boolean {
  return listen.every(isLoopback);
}

function isLoopback(address: string): boolean {
  const host = splitAuthority(address)?.host ?? "";
  return host.startsWith("127.") || host === "::1";
}
