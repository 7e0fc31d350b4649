/** Endpoints of php-fpm: Unix sockets and TCP addresses. @module */
import { splitAuthority } from "../../../http/authority.ts";
import { ipFamily } from "../../../net/ip.ts";
import { IpSet } from "../../../net/ip_set.ts";
import type { RouteScope } from "../../../gateway/module.ts";
import type { FpmConfig } from "../fpm_schema.ts";
import { managedOf } from "../managed/managed.ts";
import type { EnabledPhp } from "../table.ts";

/** Where one php-fpm listens. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** The endpoints of an external php-fpm, in their order, with the keys that name them. */
export function endpointsOf(fpm: FpmConfig): readonly { endpoint: Endpoint; key: string }[] {
  if (fpm.tcp_upstreams.length > 0) {
    return fpm.tcp_upstreams.map((text, i) => ({
      endpoint: tcp(text),
      key: `tcp_upstreams[${i}]`,
    }));
  }
  if (fpm.tcp !== undefined) return [{ endpoint: tcp(fpm.tcp), key: "tcp" }];
  if (fpm.socket === undefined) return [];
  return [{ endpoint: { kind: "unix", path: fpm.socket }, key: "socket" }];
}

/** The endpoints that a table is served by: those of an external php-fpm, or the socket of a managed one. */
export function servedBy(
  php: EnabledPhp,
  scope: RouteScope,
): readonly { endpoint: Endpoint; key: string }[] {
  const managed = managedOf(php, scope);
  if (managed === undefined) return endpointsOf(php.fpm);
  return [{ endpoint: { kind: "unix", path: managed.files.socket }, key: "socket_dir" }];
}

/** As the runtime's permissions spell it. */
export function grantOf(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const { host, port } = endpoint;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function tcp(text: string): Endpoint {
  const parts = splitAuthority(text);
  if (parts === undefined) throw new Error(`${text} was checked when it was loaded`);
  return { kind: "tcp", host: parts.host, port: parts.port };
}

/** Addresses that no php-fpm can have: unspecified, multicast, broadcast. */
const NEVER = setOf("0.0.0.0", "255.255.255.255", "224.0.0.0/4", "::", "ff00::/8");
/** Addresses of this machine or site. */
const PRIVATE = setOf(
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
);

/** Why an address may not be configured; names are not looked up. */
export function addressProblem(endpoint: Endpoint, allowPrivate: boolean): string | undefined {
  if (endpoint.kind === "unix" || ipFamily(endpoint.host) === 0) return undefined;
  if (NEVER.has(endpoint.host)) return "must not be an unspecified, multicast or broadcast address";
  if (allowPrivate || !PRIVATE.has(endpoint.host)) return undefined;
  return "is a loopback, private or link-local address: it needs allow_private_tcp_upstreams = true";
}

function setOf(...texts: string[]): IpSet {
  return IpSet.of(texts);
}
