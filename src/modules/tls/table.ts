/** Where the certificate of a vhost comes from (spec 05 section 3.1). @module */
import { isIP } from "node:net";
import type { Config, VhostConfig } from "../../config/types.ts";

export { showTimes } from "./validity.ts";

/** A vhost with what decides about its certificate. */
type Vhost = Pick<VhostConfig, "name" | "hosts" | "tls">;
/** The part of a configuration that decides about certificates. */
export type TlsPart = Pick<Config, "tls"> & { readonly vhosts: readonly Vhost[] };

/** Names on the managed certificate of `vhost`: those of `tls.acme.domains`, else its hosts without wildcards. */
export function managedDomains({ hosts, tls }: Vhost): readonly string[] {
  const domains = tls?.acme?.domains ?? [];
  return domains.length > 0 ? domains : certifiable(hosts);
}

/** Whether a certificate of `vhost` is managed. */
export function isManaged({ tls }: Pick<TlsPart, "tls">, vhost: Vhost): boolean {
  return tls?.enabled === true && tls.acme?.enabled === true && vhost.tls?.enabled === true &&
    vhost.tls.acme?.enabled === true;
}

/**
 * Index of the vhost whose managed certificate is shown for the hosts of `vhost`: its own, else that of another
 * one whose names cover all of them. `undefined` where it has a certificate of its own, or none.
 */
export function managedSource(config: TlsPart, vhost: Vhost): number | undefined {
  if (config.tls?.enabled !== true || vhost.tls?.enabled !== true) return undefined;
  if (vhost.tls.certificate !== undefined) return undefined;
  const { vhosts } = config;
  if (isManaged(config, vhost)) return vhosts.findIndex(({ name }) => name === vhost.name);
  const names = certifiable(vhost.hosts);
  if (names.length === 0) return undefined;
  const found = vhosts.findIndex((other) =>
    isManaged(config, other) && covers(managedDomains(other), names)
  );
  return found < 0 ? undefined : found;
}

/** A wildcard stands for one label. */
function covers(domains: readonly string[], names: readonly string[]): boolean {
  return names.every((name) =>
    domains.includes(name) || domains.includes(`*${name.slice(name.indexOf("."))}`)
  );
}

/** HTTP-01 proves neither wildcards nor, with the issuers there are, addresses. */
function certifiable(hosts: readonly string[]): readonly string[] {
  return hosts.filter((host) => !host.startsWith("*.") && isIP(host) === 0);
}
