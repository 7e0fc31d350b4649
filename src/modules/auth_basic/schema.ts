/** The `auth_basic` table of vhosts and routes. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { protections } from "../../config/schema/remarks.ts";
import { filePath, headerName, valueKinds } from "../../config/schema/values.ts";

const MAX_REALM = 128;

/** `[vhosts.auth_basic]` and `[vhosts.routes.auth_basic]`. */
export const authBasicSchema = z.strictObject({
  enabled: z.boolean().default(true)
    .describe("Ask for a name and a password. A table is on by being there."),
  users_file: filePath({ trustedParent: true }).optional().describe(
    "Lines of `name:hash`, as `htpasswd -B` writes them. Hashes are bcrypt (`$2y$`), argon2id, or SHA-512 " +
      "crypt (`$6$`). Required when enabled.",
  ),
  realm: z.string().refine((text) => /^[ !#-[\]-~]+$/.test(text) && text.length <= MAX_REALM, {
    error: `must be 1 to ${MAX_REALM} visible ASCII characters without quotes and backslashes`,
  }).register(valueKinds, { type: "text", allowed: "visible ASCII" }).default("restricted")
    .describe("What browsers say that the password is for."),
  user_header: headerName().optional()
    .describe("Field that tells the application the name. The client's own is never sent."),
  forward_authorization: z.boolean().default(false)
    .describe("Send name and password on to the application."),
}).superRefine(({ enabled, users_file: file }, context) => {
  if (!enabled || file !== undefined) return;
  context.addIssue({
    code: "custom",
    input: undefined,
    path: ["users_file"],
    message: "must be given: a file with lines of name:hash",
  });
}).register(protections, { undone: "authenticated" });

/** A checked `auth_basic` table. */
export type AuthBasicConfig = Frozen<z.output<typeof authBasicSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly auth_basic?: AuthBasicConfig;
  }
  interface RouteTables {
    readonly auth_basic?: AuthBasicConfig;
  }
}
