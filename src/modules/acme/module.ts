/**
 * Managed certificates (spec 05 section 6): ordered and renewed from an issuer that speaks ACME (RFC 8555), proven by
 * HTTP-01, taken up without a reload of the configuration.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { FileRequest, Grant, Module } from "../../gateway/module.ts";
import { programFault } from "../../gateway/threads/trusted_program.ts";
import { draftOf } from "../../net/listen/socket_identity.ts";
import { commands } from "./cli/commands.ts";
import { checkAcme } from "./checks.ts";
import { METRICS } from "./descriptions.ts";
import type { Issuer } from "./issuers.ts";
import { checkAcmeStorage } from "./storage_check.ts";
import { acmeSchema, vhostAcmeSchema } from "./schema.ts";
import { CREDENTIALS_VARIABLE } from "../../gateway/threads/credentials.ts";
import { secretPaths } from "./secrets.ts";
import { acmeOf, type EnabledAcme, issuersOf, shownPairs, TABLES, targetsOf } from "./table.ts";

export type { AcmeConfig, VhostAcmeConfig } from "./schema.ts";

const MAX_CERT_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 128 * 1024;
const KEY = "tls.acme";
const SOCKET_KEY = "server.process.certificate_reload_sock";
/** Program that builds which are locked to a profile may run. */
const FIXED_HOOK = "/usr/libexec/fluxheim/dns-hook";
/** Time for an attempt that is under way to leave its state on the disk. */
const STOP_MS = 5_000;

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "acme-client",
  schema: [
    { table: KEY, scopes: ["root"], schema: acmeSchema, reload: "acme-service-changed" },
    { table: KEY, scopes: ["vhost"], schema: vhostAcmeSchema, reload: "acme-service-changed" },
  ],
  commands,
  check: checkAcme,
  metrics: METRICS,
  manifest: {
    net: true,
    read: true,
    write: ["/run/fluxheim", "/var/lib/fluxheim"],
    run: [FIXED_HOOK],
    env: ["FLUXHEIM_*", CREDENTIALS_VARIABLE],
  },

  threads: [{
    role: "acme",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => acmeOf(config) !== undefined,
    tables: TABLES,
    whenLost: "replace",
    stopMs: STOP_MS,
    asks: ["keeper.files", "edges"],
    edgeAsks: ["challenge"],
  }],

  needs(config) {
    const acme = acmeOf(config);
    if (acme === undefined) return {};
    const storage = { value: acme.storage, key: `${KEY}.storage` };
    const own = { ...storage, for: "acme" } as const;
    const net: Grant[] = [];
    const read: Grant[] = [own];
    const write: Grant[] = [own];
    const env: Grant[] = [];
    const files: FileRequest[] = [];
    for (const { issuer, key } of usedIssuers(config, acme)) {
      net.push({ value: addressOf(issuer.directoryUrl), key: `${key}.directory_url`, for: "acme" });
      if (issuer.caBundle !== undefined) {
        const path = issuer.caBundle;
        files.push({ path, key: `${key}.ca_bundle_file`, maxBytes: MAX_CERT_BYTES, for: "acme" });
      }
      for (const source of issuer.eab === undefined ? [] : Object.values(issuer.eab)) {
        if (source.kind === "env") env.push({ value: source.name, key: `${key}.eab`, for: "acme" });
        if (source.kind === "credential") {
          for (const role of ["keeper", "acme"] as const) {
            env.push({ value: CREDENTIALS_VARIABLE, key: `${key}.eab`, for: role });
          }
        }
        for (const value of secretPaths(source)) {
          read.push({ value, key: `${key}.eab`, for: "acme" });
        }
      }
    }
    const run = addDns(config, acme, { net, read });
    for (const { certPath, keyPath, key } of shownPairs(config)) {
      files.push(
        { path: certPath, key, maxBytes: MAX_CERT_BYTES, isOptional: true },
        { path: keyPath, key, maxBytes: MAX_KEY_BYTES, isPrivateKey: true, isOptional: true },
      );
    }
    for (const { path, key } of files) read.push({ value: path, key, for: "keeper" });
    if (acme.renewal.reload_after_renewal) {
      const path = config.server.process.certificate_reload_sock;
      const { directory, socket } = draftOf(path);
      const grant = { key: SOCKET_KEY, for: "acme" } as const;
      // Connected to as well, to see whether another program serves it.
      net.push(...[path, socket].map((one) => ({ ...grant, value: `unix:${one}` })));
      for (const value of [path, directory]) {
        read.push({ ...grant, value });
        write.push({ ...grant, value });
      }
    }
    return { grants: { net, read, write, run, env }, files };
  },

  checkStorage: checkAcmeStorage,

  preflight(config) {
    const hook = usesDns(config) ? acmeOf(config)?.dns.hook : undefined;
    const fault = hook === undefined ? undefined : programFault(hook);
    return Promise.resolve(
      fault === undefined ? [] : [{ key: `${KEY}.dns.hook`, message: `${hook} ${fault}` }],
    );
  },

  edge: async () => (await import("./edge.ts")).edge,
};

function usesDns(config: Config): boolean {
  return targetsOf(config).some(({ challenge }) => challenge === "dns-01");
}

/** What proofs by DNS-01 need; returns the programs. */
function addDns(
  config: Config,
  { dns: { hook, update, check_servers } }: EnabledAcme,
  { net, read }: { readonly net: Grant[]; readonly read: Grant[] },
): Grant[] {
  if (!usesDns(config)) return [];
  const role = { for: "acme" } as const;
  for (const [i, value] of check_servers.entries()) {
    net.push({ value, key: `${KEY}.dns.check_servers[${i}]`, ...role });
  }
  if (update !== undefined) {
    net.push({ value: update.server, key: `${KEY}.dns.update.server`, ...role });
    read.push({ value: update.key_file, key: `${KEY}.dns.update.key_file`, ...role });
  }
  if (hook === undefined) return [];
  const program = { value: hook, key: `${KEY}.dns.hook` };
  read.push({ ...program, ...role }, { ...program, for: "keeper" });
  return [{ ...program, ...role }];
}

/** Issuers that some vhost has its certificate of, each once, with the key that names it. */
function usedIssuers(
  config: Config,
  acme: EnabledAcme,
): readonly { readonly issuer: Issuer; readonly key: string }[] {
  const used = new Set(targetsOf(config).map(({ issuer }) => issuer.name));
  return issuersOf(acme).flatMap((issuer, index) => {
    if (!used.has(issuer.name)) return [];
    const key = acme.issuers.length === 0 ? `${KEY}.default_issuer` : `${KEY}.issuers[${index}]`;
    return [{ issuer, key }];
  });
}

/** `host:port` as permissions name it. */
function addressOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? 443 : port}`;
}
