/**
 * TLS on listeners (spec 05 sections 1 to 5): which certificate is shown for which name, what clients
 * are asked for, and whether the files it names are fit to serve.
 *
 * @module
 */
import type { Grant, Module } from "../../gateway/module.ts";
import { checkTls } from "./checks.ts";
import { checkTlsFiles } from "./file_checks.ts";
import { EXPIRY, VALID_FROM } from "./descriptions.ts";
import { tlsFiles } from "./material.ts";
import { proveTlsFiles } from "./proofs.ts";
import { tlsSchema, vhostTlsSchema } from "./schema.ts";
import { checkTlsStorage } from "./storage_check.ts";

export { complianceMode, lowestVersion } from "./policy.ts";
export type { TlsConfig, VhostTlsConfig } from "./schema.ts";

/** The capability, for the keeper and the command line; profiles name it `tls-rustls`. */
export const module: Module = {
  name: "tls",
  schema: [
    {
      table: "tls",
      scopes: ["root"],
      schema: tlsSchema,
      reload: {
        keys: {
          enabled: "tls-mode-changed",
          profile: "tls-mode-changed",
          min_protocol: "tls-mode-changed",
          alpn: "tls-mode-changed",
          curve_preferences: "tls-mode-changed",
          cipher_suites: "tls-mode-changed",
          fips: "tls-mode-changed",
          backend: "tls-backend-changed",
          client_auth: "tls-client-auth-changed",
          iso19790: "compliance-mode-changed",
          certificates: "live",
        },
      },
    },
    { table: "tls", scopes: ["vhost"], schema: vhostTlsSchema, reload: "live" },
  ],
  check: checkTls,
  metrics: [EXPIRY, VALID_FROM],
  manifest: { read: true },

  /** Keys are read by the keeper alone; a worker gets their content and no way to the files. */
  needs(config) {
    const files = tlsFiles(config);
    const read = files.map(({ path, key }): Grant => {
      return { value: path, key, for: "keeper" };
    });
    return { grants: { read }, files };
  },

  checkFiles: checkTlsFiles,
  proveFiles: proveTlsFiles,
  checkStorage: checkTlsStorage,

  edge: async () => (await import("./edge.ts")).edge,
};
