/**
 * Signed links: a path that holds until a time, for those who were given it.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { FileRequest, Files, Module } from "../../gateway/module.ts";
import { secureLinkSchema } from "./schema.ts";
import { MAX_SECRET_BYTES, MIN_SECRET_BYTES, rulesOf, secretIn } from "./table.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "secure-link",
  schema: [{
    table: "secure_link",
    scopes: ["vhost", "route"],
    schema: secureLinkSchema,
    reload: "live",
  }],
  manifest: {},

  needs(config) {
    const files: FileRequest[] = [];
    for (const scope of scopesOf(config)) {
      const path = rulesOf(scope)?.secret_file;
      if (path === undefined || files.some((file) => file.path === path)) continue;
      const key = `${scope.key}.secure_link.secret_file`;
      files.push({ path, key, maxBytes: MAX_SECRET_BYTES + 2, secret: "the secret of links" });
    }
    return { files };
  },

  checkFiles(config, files: Files): Problem[] {
    const problems: Problem[] = [];
    for (const scope of scopesOf(config)) {
      const path = rulesOf(scope)?.secret_file;
      const bytes = path === undefined ? undefined : files.get(path);
      if (bytes === undefined || secretIn(bytes) !== undefined) continue;
      problems.push({
        key: `${scope.key}.secure_link.secret_file`,
        message: `${path} must have at least ${MIN_SECRET_BYTES} bytes`,
        hint: `openssl rand -hex 32 > ${path}`,
      });
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};
