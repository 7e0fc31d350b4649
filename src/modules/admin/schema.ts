/** `[admin]` (spec 06 part A1). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import {
  enumWord,
  filePath,
  hasControl,
  headerName,
  list,
  listener,
  sha256,
  valueKinds,
} from "../../config/schema/values.ts";
import {
  type Bounds,
  checkWhenEnabled,
  countWhenEnabled,
} from "../../config/schema/when_enabled.ts";
import { splitAuthority } from "../../http/authority.ts";
import { isLoopback, OWN_PATHS } from "./addresses.ts";

const MAX_FINGERPRINTS = 1024;
const MAX_HEALTH_PATH_BYTES = 2048;
const DAY_SECS = 86_400;

const throttleBounds = {
  window_secs: { min: 1, max: DAY_SECS },
  per_source_failures: { min: 1, max: 1_000_000 },
  global_failures: { min: 1, max: 1_000_000 },
  base_lockout_secs: { min: 1, max: DAY_SECS },
  max_lockout_secs: { min: 1, max: DAY_SECS },
  max_sources: { min: 1, max: 65_536 },
} satisfies Record<string, Bounds>;

const healingBounds = {
  validation_window_secs: { min: 1, max: DAY_SECS },
  min_successful_checks: { min: 1, max: 1_000_000 },
  max_error_rate_per_mille: { min: 0, max: 1000 },
} satisfies Record<string, Bounds>;

const throttle = z.strictObject({
  enabled: z.boolean().default(true).describe("Lock out sources that fail to authenticate."),
  window_secs: countWhenEnabled(throttleBounds.window_secs).default(60)
    .describe("Sliding window in which failures are counted."),
  per_source_failures: countWhenEnabled(throttleBounds.per_source_failures).default(10)
    .describe("Failures of one address that lock it out."),
  global_failures: countWhenEnabled(throttleBounds.global_failures).default(100)
    .describe("Failures of all addresses together that lock everyone out, valid tokens too."),
  base_lockout_secs: countWhenEnabled(throttleBounds.base_lockout_secs).default(30)
    .describe("Length of the first lockout; each further one is twice as long."),
  max_lockout_secs: countWhenEnabled(throttleBounds.max_lockout_secs).default(900)
    .describe("Longest lockout."),
  max_sources: countWhenEnabled(throttleBounds.max_sources).default(4096)
    .describe("Most addresses that are remembered."),
}).superRefine(checkWhenEnabled(throttleBounds)).superRefine((table, context) => {
  if (!table.enabled || table.max_lockout_secs >= table.base_lockout_secs) return;
  const message = "must be at least base_lockout_secs";
  refuseKey(context, { key: "max_lockout_secs", message, about: ["base_lockout_secs"] });
});

const clientCertificate = z.strictObject({
  required: z.boolean().default(false)
    .describe("Demand the fingerprint header, which the TLS terminator sets."),
  sha256_header: headerName().default("x-client-cert-sha256")
    .describe("Header field with the fingerprint that the terminator verified."),
  allow_sha256: list(sha256(), { max: MAX_FINGERPRINTS }).default([])
    .describe("Fingerprints that are let in; empty: all that are not denied."),
  deny_sha256: list(sha256(), { max: MAX_FINGERPRINTS }).default([])
    .describe("Fingerprints that are not let in, whatever is allowed."),
});

const selfHealing = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Watch each live reload for a while, and go back unless it is confirmed."),
  validation_window_secs: countWhenEnabled(healingBounds.validation_window_secs).default(30)
    .describe("Seconds in which a reload must be confirmed."),
  health_path: healthPath().default("/_fluxheim/health").describe("Path of the health endpoint."),
  min_successful_checks: countWhenEnabled(healingBounds.min_successful_checks).default(1)
    .describe("Good reports that confirm a reload."),
  max_error_rate_per_mille: countWhenEnabled(healingBounds.max_error_rate_per_mille).default(100)
    .describe("Share of bad reports, in thousandths, above which is gone back."),
}).superRefine(checkWhenEnabled(healingBounds));

const opsSocket = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Serve the read-only endpoints on a unix socket as well."),
  path: filePath({ trustedParent: true }).default("/run/fluxheim/fluxheim-ops.sock")
    .describe("Path of the socket."),
  mode: socketMode().default("0600").describe("Who may connect."),
  require_bearer_token: z.boolean().default(false)
    .describe("Ask for the token on every request, not only where snapshots are listed."),
});

/** `[admin]`. */
export const adminSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Serve the admin API. While off, nothing else in this table is checked."),
  listen: listener().default("127.0.0.1:9090").describe("Where, over HTTP/1."),
  require_loopback: z.boolean().default(true).describe("Refuse another address than loopback."),
  token_env: z.string().optional()
    .describe("Environment variable with the bearer token. This or `token_file` is required."),
  token_file: filePath().optional().describe("File with the bearer token."),
  snapshot_store: filePath({ trustedParent: true }).optional()
    .describe("Directory of the snapshot store. Required when enabled."),
  dashboard: z.boolean().default(false).describe(
    "Serve a page for browsers at `/_fluxheim/ui`. The page needs no token; everything it shows does. Ours.",
  ),
  transport: z.strictObject({
    mode: enumWord(["local_only", "trusted_tls_terminator"]).default("local_only").describe(
      "An address beyond loopback needs `trusted_tls_terminator`: the API itself has no TLS.",
    ),
  }).prefault({}),
  health: z.strictObject({
    unauthenticated: z.boolean().default(false)
      .describe("Answer the health endpoint without a token; on loopback only."),
    response: enumWord(["status", "minimal"]).default("status")
      .describe("`status`: 200 with a body; `minimal`: 204 without one."),
  }).prefault({}),
  auth_throttle: throttle.prefault({}),
  client_certificate: clientCertificate.prefault({}),
  self_healing: selfHealing.prefault({}),
  ops_socket: opsSocket.prefault({}),
}).superRefine((table, context) => {
  if (!table.enabled) return;
  const { token_env, token_file, snapshot_store, listen, require_loopback } = table;
  if (token_env === undefined && token_file === undefined) {
    const message = "or token_file must be given: the admin API is never open to everyone";
    refuseKey(context, { key: "token_env", message, about: ["enabled", "token_file"] });
  }
  if (token_env !== undefined && token_file !== undefined) {
    const message = "must not stand beside token_file: one of them holds the token";
    refuseKey(context, { key: "token_env", message, about: ["token_file"] });
  }
  if (token_env !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(token_env)) {
    const message = "must be the name of an environment variable";
    refuseKey(context, { key: "token_env", input: token_env, message, about: [] });
  }
  if (snapshot_store === undefined) {
    const message = "must be given when admin.enabled is true";
    refuseKey(context, { key: "snapshot_store", message, about: ["enabled"] });
  }
  const host = splitAuthority(listen)?.host ?? "";
  if (isLoopback(host)) return;
  if (require_loopback) {
    const message = "must be a loopback address while require_loopback is true";
    refuseKey(context, { key: "listen", input: listen, message, about: ["require_loopback"] });
  } else if (table.transport.mode === "local_only") {
    const message =
      'must be a loopback address unless transport.mode = "trusted_tls_terminator": ' +
      "the admin API has no TLS of its own";
    refuseKey(context, { key: "listen", input: listen, message, about: ["transport.mode"] });
  }
  if (table.health.unauthenticated) {
    const message = "must be false on an address beyond loopback";
    context.addIssue({
      code: "custom",
      input: true,
      path: ["health", "unauthenticated"],
      message,
      params: { about: [] },
    });
  }
});

/** A checked `[admin]` table. */
export type AdminConfig = Frozen<z.output<typeof adminSchema>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly admin?: AdminConfig;
  }
}

function healthPath() {
  const allowed =
    `a path of at most ${MAX_HEALTH_PATH_BYTES} bytes that begins with "/", without ` +
    'spaces, control characters, "\\", "?" or "#", and that is no other path of the admin API';
  return z.string().refine(isHealthPath, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "path value", allowed: "absolute, without query" });
}

function isHealthPath(value: string): boolean {
  return value.startsWith("/") && value.length <= MAX_HEALTH_PATH_BYTES && !hasControl(value) &&
    /^[!-~]+$/.test(value) && !/[\\?#]/.test(value) &&
    (value === "/_fluxheim/health" || !value.startsWith(OWN_PATHS));
}

/** Octal permission bits of a socket: its owner may use it, its group may, others never. */
function socketMode() {
  const allowed = "three or four octal digits: read and write for the owner, nothing for others, " +
    'such as "0600" or "0660"';
  return z.string().refine(isSocketMode, { error: `must be ${allowed}` })
    .register(valueKinds, {
      type: "file mode",
      allowed: "owner read and write, no bits for others",
    });
}

function isSocketMode(value: string): boolean {
  const digits = /^(?:0o)?([0-7]{3,4})$/.exec(value)?.[1];
  if (digits === undefined) return false;
  const mode = parseInt(digits, 8);
  return (mode & 0o600) === 0o600 && (mode & ~0o770) === 0;
}
