/**
 * Signed tokens (JWT, RFC 7519) for whatever a vhost or a route serves.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Files, Module } from "../../gateway/module.ts";
import { readKeys } from "./keys.ts";
import { authJwtSchema } from "./schema.ts";
import { keyFiles, MAX_FILE_BYTES } from "./table.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "auth-jwt",
  schema: [{
    table: "auth_jwt",
    scopes: ["vhost", "route"],
    schema: authJwtSchema,
    reload: "live",
  }],
  manifest: {},

  needs(config) {
    return {
      files: [...keyFiles(config)].map(([path, key]) => ({ path, key, maxBytes: MAX_FILE_BYTES })),
    };
  },

  checkFiles(config, files: Files): Problem[] {
    const problems: Problem[] = [];
    for (const [path, key] of keyFiles(config)) {
      const bytes = files.get(path);
      const keys = bytes && readKeys(bytes);
      if (typeof keys !== "string") continue;
      problems.push({
        key,
        message: `${path} ${keys}`,
        hint: "save the JSON Web Key Set that the issuer publishes, with its public keys alone",
      });
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};
