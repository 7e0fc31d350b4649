/** Certificates that a configuration has managed: what is on them, who issues them, where they are. @module */
import type { Config } from "../../config/types.ts";
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import { isManaged, managedDomains, managedSource, type TlsPart } from "../tls/table.ts";
import { BUILT_IN_ISSUERS, type Issuer, type SecretSource } from "./issuers.ts";
import type { AcmeConfig, EabConfig, IssuerConfig } from "./schema.ts";
import { segmentOf } from "./storage_names.ts";

/** `[tls.acme]` with what it must have when it is on. */
export type EnabledAcme = AcmeConfig & { readonly storage: string; readonly contact_email: string };

/** Tables and keys that the service is handed. */
export const TABLES = [
  "tls.enabled",
  "tls.acme",
  "vhosts.name",
  "vhosts.hosts",
  "vhosts.tls",
  "server.process.certificate_reload_sock",
] as const;

/** One managed certificate. */
export interface Target {
  /** Name of its vhost. */
  readonly vhost: string;
  /** `vhosts[0].tls.acme`. */
  readonly key: string;
  readonly domains: readonly string[];
  readonly issuer: Issuer;
  /** How its names are proven. */
  readonly challenge: AcmeConfig["challenge"];
  /** Where its pair is. */
  readonly directory: string;
}

/** The table, if it is switched on and so is TLS. */
export function acmeOf({ tls }: Pick<TlsPart, "tls">): EnabledAcme | undefined {
  const acme = tls?.enabled === true ? tls.acme : undefined;
  return acme?.enabled === true && isComplete(acme) ? acme : undefined;
}

function isComplete(acme: AcmeConfig): acme is EnabledAcme {
  return acme.storage !== undefined && acme.contact_email !== undefined;
}

/** What a service is handed, as far as this module reads it. */
export function partOf(config: ConfigPart): TlsPart {
  return { tls: config.tls as Config["tls"], vhosts: (config.vhosts ?? []) as TlsPart["vhosts"] };
}

/** Issuers in effect: those of the table, else the built-in ones. */
export function issuersOf({ issuers }: Pick<AcmeConfig, "issuers">): readonly Issuer[] {
  return issuers.length === 0 ? BUILT_IN_ISSUERS : issuers.map(issuerOf);
}

function issuerOf(issuer: IssuerConfig): Issuer {
  const { name, directory_url, ca_bundle_file, eab } = issuer;
  return {
    name,
    terms: {
      agreed: issuer.terms_of_service_agreed,
      url: issuer.terms_of_service_url,
      allowUnadvertised: issuer.allow_unadvertised_terms_of_service,
    },
    directoryUrl: directory_url,
    caBundle: ca_bundle_file,
    eab: eab === undefined
      ? undefined
      : { keyId: sourceOf(eab, "key_id"), hmacKey: sourceOf(eab, "hmac_key") },
  };
}

function sourceOf(eab: EabConfig, secret: "key_id" | "hmac_key"): SecretSource {
  for (const kind of ["env", "file", "credential"] as const) {
    const name = eab[`${secret}_${kind}`] ?? "";
    if (name !== "") return { kind, name };
  }
  throw new Error(`${secret} has no source`);
}

/** Every managed certificate, in the order of the vhosts. */
export function targetsOf(config: TlsPart): readonly Target[] {
  const acme = acmeOf(config);
  if (acme === undefined || !acme.renewal.enabled) return [];
  const issuers = issuersOf(acme);
  return config.vhosts.flatMap((vhost, index): Target[] => {
    if (!isManaged(config, vhost) || vhost.tls?.certificate !== undefined) return [];
    const name = vhost.tls?.acme?.issuer ?? acme.default_issuer;
    const issuer = issuers.find((one) => one.name === name);
    if (issuer === undefined) return [];
    return [{
      vhost: vhost.name,
      key: `vhosts[${index}].tls.acme`,
      domains: managedDomains(vhost),
      issuer,
      challenge: vhost.tls?.acme?.challenge ?? acme.challenge,
      directory: pairDirectory(acme, vhost.name),
    }];
  });
}

/** Where the pair of a vhost is. */
export function pairDirectory({ storage }: EnabledAcme, vhost: string): string {
  return `${storage}/certificates/${segmentOf(vhost)}`;
}

/** A managed pair that is shown, and the hosts it is shown for. */
export interface ShownPair {
  readonly certPath: string;
  readonly keyPath: string;
  readonly key: string;
  readonly hosts: readonly string[];
  /** It is shown for names that no vhost has a certificate for, too. */
  readonly isFallback: boolean;
}

/** Managed pairs, each once; those are shown that are not renewed, too. */
export function shownPairs(config: Config): readonly ShownPair[] {
  const acme = acmeOf(config);
  if (acme === undefined) return [];
  const fallback = (config.tls?.certificates.length ?? 0) > 0
    ? undefined
    : config.vhosts.find(({ name }) => name === config.server.default_vhost);
  const fallbackSource = fallback === undefined ? undefined : managedSource(config, fallback);
  const hosts = new Map<number, string[]>();
  for (const vhost of config.vhosts) {
    const source = managedSource(config, vhost);
    if (source === undefined) continue;
    hosts.set(source, [...hosts.get(source) ?? [], ...vhost.hosts]);
  }
  return [...hosts].map(([source, hosts]) => {
    const directory = pairDirectory(acme, config.vhosts[source].name);
    return {
      certPath: `${directory}/fullchain.pem`,
      keyPath: `${directory}/privkey.pem`,
      key: `vhosts[${source}].tls.acme`,
      hosts,
      isFallback: source === fallbackSource,
    };
  });
}

/** The line of a target where they are only listed. */
export function targetLine(target: Target): string {
  const { vhost, issuer, domains, directory, challenge } = target;
  return `target: ${vhost} issuer=${issuer.name} challenge=${challenge} domains=${
    domains.join(",")
  } ` +
    `cert=${directory}/fullchain.pem key=${directory}/privkey.pem`;
}
