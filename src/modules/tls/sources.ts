/** Certificates that a configuration names, and the hosts they are for (spec 05 section 3.1). @module */
import type { Config } from "../../config/types.ts";
import type { PairPaths, TlsConfig } from "./schema.ts";

/** A certificate and key that a configuration names. */
export interface Source {
  readonly paths: PairPaths;
  /** `tls.certificates[0]`, `vhosts[2].tls.certificate`. */
  readonly key: string;
  /** As `--check-tls-storage` names it: `tls.certificates[0]`, `vhosts.shop.tls.certificate`. */
  readonly scope: string;
  /** Host names and patterns it is shown for; none for global ones. */
  readonly hosts: readonly string[];
}

/** The `[tls]` table, if it is switched on. */
export function enabledTls(config: Config): TlsConfig | undefined {
  return config.tls?.enabled === true ? config.tls : undefined;
}

/** Every pair that must be valid, in the order of the configuration; global ones first. */
export function sourcesOf(config: Config): readonly Source[] {
  const tls = enabledTls(config);
  if (tls === undefined) return [];
  const sources = tls.certificates.map((paths, index): Source => {
    const key = `tls.certificates[${index}]`;
    return { paths, key, scope: key, hosts: [] };
  });
  for (const [index, vhost] of config.vhosts.entries()) {
    const paths = vhost.tls?.enabled === true ? vhost.tls.certificate : undefined;
    if (paths === undefined) continue;
    sources.push({
      paths,
      key: `vhosts[${index}].tls.certificate`,
      scope: `vhosts.${vhost.name}.tls.certificate`,
      hosts: vhost.hosts,
    });
  }
  return sources;
}

/**
 * The pair for unknown names and clients that give none: the first global one, else that of
 * `server.default_vhost`.
 */
export function fallbackOf(config: Config): PairPaths | undefined {
  const tls = enabledTls(config);
  if (tls === undefined) return undefined;
  if (tls.certificates.length > 0) return tls.certificates[0];
  const named = config.vhosts.find(({ name }) => name === config.server.default_vhost);
  return named?.tls?.enabled === true ? named.tls.certificate : undefined;
}
