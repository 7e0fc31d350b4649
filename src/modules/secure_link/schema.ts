/** The `secure_link` table of vhosts and routes. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { protections } from "../../config/schema/remarks.ts";
import { filePath, valueKinds } from "../../config/schema/values.ts";

/** `[vhosts.secure_link]` and `[vhosts.routes.secure_link]`. */
export const secureLinkSchema = z.strictObject({
  enabled: z.boolean().default(true).describe(
    "Ask for a signed link. A table is on by being there.",
  ),
  secret_file: filePath({ trustedParent: true }).optional().describe(
    "File with the secret that links are signed with, 16 to 4096 bytes; a line break at its end does not count. " +
      "Required when enabled.",
  ),
  expires_parameter: parameter().default("expires")
    .describe(
      "Parameter of the query with the time until which a link holds, in seconds since 1970.",
    ),
  signature_parameter: parameter().default("signature").describe(
    "Parameter with the signature: HMAC-SHA-256 of the path, a line break and the time, in base64url.",
  ),
}).superRefine((table, context) => {
  const refuse = (path: string, message: string) =>
    context.addIssue({ code: "custom", input: undefined, path: [path], message });
  if (table.enabled && table.secret_file === undefined) {
    refuse("secret_file", "must be given: a file with the secret");
  }
  if (table.expires_parameter === table.signature_parameter) {
    refuse("signature_parameter", "must not be that of expires_parameter");
  }
}).register(protections, { undone: "checked" });

function parameter() {
  const allowed = "1 to 32 letters, digits, hyphens or underscores";
  return z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "parameter", allowed });
}

/** A checked `secure_link` table. */
export type SecureLinkConfig = Frozen<z.output<typeof secureLinkSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly secure_link?: SecureLinkConfig;
  }
  interface RouteTables {
    readonly secure_link?: SecureLinkConfig;
  }
}
