/**
 * Names and passwords (RFC 7617) from a file, for whatever a vhost or a route serves.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Files, Module } from "../../gateway/module.ts";
import { authBasicSchema } from "./schema.ts";
import { MAX_FILE_BYTES, userFiles } from "./table.ts";
import { readUsers } from "./users.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "auth-basic",
  schema: [{
    table: "auth_basic",
    scopes: ["vhost", "route"],
    schema: authBasicSchema,
    reload: "live",
  }],
  manifest: {},

  needs(config) {
    return {
      files: [...userFiles(config)].map(([path, key]) => ({
        path,
        key,
        maxBytes: MAX_FILE_BYTES,
        secret: "hashes of passwords",
        for: "auth",
      })),
    };
  },

  checkFiles(config, files: Files): Problem[] {
    const problems: Problem[] = [];
    for (const [path, key] of userFiles(config)) {
      const bytes = files.get(path);
      const fault = bytes && readUsers(bytes).faults[0];
      if (fault === undefined) continue;
      problems.push({
        key,
        message: `line ${fault.line} of ${path} ${fault.message}`,
        hint: "htpasswd -B, or openssl passwd -6, makes such hashes",
      });
    }
    return problems;
  },

  threads: [{
    role: "auth",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => userFiles(config).size > 0,
    tables: [],
    startsBefore: "serving",
    whenLost: "replace",
    asks: ["edges"],
    edgeAsks: ["verify"],
  }],

  edge: async () => (await import("./edge.ts")).edge,
};
