/**
 * The value formats of the configuration as zod builders, shared by every module's schema (spec 01
 * section 1.7). A builder says what it allows in one place: its message follows the value in a
 * problem, its kind is the type column of the documents.
 *
 * Messages begin with `must`; the loader appends the value that was found. Wrong types, unknown keys,
 * bounds of plain `z.int()`, `z.string().min()`, list lengths and enum words need no message of their
 * own: `problems.ts` words those for all schemas alike.
 *
 * @module
 */
import { z } from "zod";
import { isToken } from "../../http/chars.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily, parseNetwork } from "../../net/ip.ts";
import { longestSocketPath } from "../../net/listen/socket_identity.ts";
import { MAX_SOCKET_PATH_BYTES, UNIX, unixPath } from "../../net/unix_address.ts";
import { normalizeHost, normalizeHostPattern } from "./host.ts";
import { layers, type Schema } from "./schema_walk.ts";
import { byteLength, hasControl } from "../read/text.ts";
import { BYTE_SIZE_FORM, formatByteSize, parseByteSize } from "./units.ts";

export { byteLength, hasControl } from "../read/text.ts";

/** What a schema stands for beyond its TOML type: for the documents, and for paths, what to check. */
export interface ValueKind {
  /** Type column of the documents: `byte size`, `list of listener`. */
  readonly type?: string;
  /** What is allowed, for the documents, where it does not follow from the schema. */
  readonly allowed?: string;
  /** A number once it is read, whatever it is written as. */
  readonly isNumber?: boolean;
  /** Set for file system paths. */
  readonly path?: PathRule;
}

/** How a configured path is checked (spec 01 section 1.4). */
export interface PathRule {
  /** The nearest existing ancestor of its parent must not be writable by group or world. */
  readonly trustedParent: boolean;
  /** One of the process's own paths, which the config tester may skip. */
  readonly process: boolean;
  /** Whether links are in its way is for its module to judge, at preflight: some of them may be followed. */
  readonly mayBeLinked?: boolean;
  /** It may go through symbolic links, each of which only a trusted user can have made or can change. */
  readonly links?: boolean;
  /** Stands before the path in a value that need not be one: `unix:`. Values without it name no path. */
  readonly prefix?: string;
}

/** Kinds by schema; a wrapped or described schema keeps the kind of what it was made from. */
export const valueKinds: z.core.$ZodRegistry<ValueKind> = z.registry<ValueKind>();

/** The kind of a schema, whatever is wrapped around it. */
export function kindOf(schema: Schema): ValueKind | undefined {
  for (const layer of layers(schema)) {
    const kind = valueKinds.get(layer);
    if (kind !== undefined) return kind;
  }
  return undefined;
}

const MAX_HEADER_NAME_BYTES = 256;
const MAX_HEADER_VALUE_BYTES = 8192;
const MAX_PATH_BYTES = 4096;
const MAX_DAY_SECS = 86_400;

/**
 * A size in bytes, written as an integer or as digits and a unit; the value is a plain number.
 *
 * @param bounds Inclusive, in bytes. `min` is 1 unless given, because a limit of zero refuses everything.
 */
export function byteSize(
  { min = 1, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
) {
  return z.union([z.int(), z.string()], { error: `must be ${BYTE_SIZE_FORM}` })
    .transform((value, context): number => {
      const bytes = parseByteSize(value);
      if (bytes === undefined) {
        context.addIssue({ code: "custom", input: value, message: `must be ${BYTE_SIZE_FORM}` });
        return z.NEVER;
      }
      if (bytes < min || bytes > max) {
        context.addIssue({
          code: "custom",
          input: value,
          message: `must be ${boundsInWords(min, max)}`,
        });
        return z.NEVER;
      }
      return bytes;
    }).register(valueKinds, {
      type: "byte size",
      allowed: boundsInWords(min, max),
      isNumber: true,
    });
}

/** A timeout or interval in whole seconds: 1 to 86400 unless bounded otherwise (inclusive). */
export function secs({ min = 1, max = MAX_DAY_SECS }: { min?: number; max?: number } = {}) {
  return z.int().min(min).max(max).register(valueKinds, { type: "seconds" });
}

/** A time in whole milliseconds; bounds are inclusive. */
export function millis(
  { min = 1, max = MAX_DAY_SECS * 1000 }: { min?: number; max?: number } = {},
) {
  return z.int().min(min).max(max).register(valueKinds, { type: "milliseconds" });
}

/** A whole number that is not negative; bounds are inclusive. */
export function count(
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
) {
  return z.int().min(min).max(max).register(valueKinds, { type: "integer" });
}

/** A TCP or UDP port from 1 to 65535. */
export function port() {
  return count({ min: 1, max: 65_535 });
}

/** An HTTP status from `min` to `max` (inclusive). */
export function status({ min = 400, max = 599 }: { min?: number; max?: number } = {}) {
  return count({ min, max });
}

/** The status of a redirect: 301, 302, 307 or 308. */
export function redirectStatus() {
  return z.literal([301, 302, 307, 308]);
}

/** One of a few lower-case words. */
export function enumWord<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words);
}

/** A name for logs, metrics and messages: 1 to 128 bytes, not blank, no control characters. */
export function label() {
  return text(
    "a name of 1 to 128 bytes that is not blank and has no control characters",
    (value) => value.trim() !== "" && byteLength(value) <= 128 && !hasControl(value),
    "name",
  );
}

const LISTENER = 'an address and port such as "127.0.0.1:8080" or "[::1]:8080"';

/** A socket address to listen on: `ip:port`, IPv6 in brackets, port 0 for any. No host names. */
export function listener() {
  return text(LISTENER, isListener, "listener");
}

/** A {@linkcode listener}, or a unix socket: `unix:/run/app.sock`. */
export function listenerOrSocket() {
  const most = longestSocketPath(MAX_SOCKET_PATH_BYTES);
  return text(
    `${LISTENER}, or ${socketForm(most)}`,
    (value) => isListener(value) || isSocket(value, most),
    "listener or unix socket",
    SOCKET_RULE,
  );
}

function isListener(value: string): boolean {
  const parts = splitAuthority(value);
  return parts !== undefined && ipFamily(parts.host) !== 0;
}

/** A syslog server: `udp:` with an address and port, or `unix:` and the path of a socket. */
export function syslogAddress() {
  const most = longestSocketPath(MAX_SOCKET_PATH_BYTES);
  return text(
    `"udp:" with an IP address and port such as "udp:192.0.2.5:514", or ${socketForm(most)}`,
    (value) => value.startsWith("udp:") ? isListener(value.slice(4)) : isSocket(value, most),
    "syslog server",
    SOCKET_RULE,
  );
}

/** Permission bits of a file, as `chmod` takes them. */
export function fileMode() {
  return text(
    'three octal digits, perhaps after a zero, such as "0660"',
    (value) => /^0?[0-7]{3}$/.test(value),
    "file mode",
  );
}

const AUTHORITY =
  'a host and port from 1 to 65535 such as "127.0.0.1:3000", "[::1]:3000" or "app.internal:3000"';

/** Where to connect to: `ip:port`, `[v6]:port` or `host:port`, with a port from 1 to 65535. */
export function authority() {
  return text(AUTHORITY, isAuthority, "authority");
}

/** An {@linkcode authority}, or the unix socket of a program on this machine: `unix:/run/app.sock`. */
export function authorityOrSocket() {
  return text(
    `${AUTHORITY}, or ${socketForm(MAX_SOCKET_PATH_BYTES)}`,
    (value) => isAuthority(value) || isSocket(value, MAX_SOCKET_PATH_BYTES),
    "authority or unix socket",
    SOCKET_RULE,
  );
}

/** A user that may change the directory of a socket decides which program answers there, or is answered. */
const SOCKET_RULE: PathRule = { trustedParent: true, process: false, prefix: UNIX };

function socketForm(maxBytes: number): string {
  return `a unix socket such as "unix:/run/app.sock", with a path of at most ${maxBytes} bytes`;
}

function isSocket(value: string, maxBytes: number): boolean {
  const path = unixPath(value);
  return path !== undefined && path !== "" && !path.endsWith("/") &&
    byteLength(path) <= maxBytes && !hasControl(path);
}

/** An IP address or prefix, `10.0.0.0/8`. With `canonical`, host bits must be zero. */
export function ipMatcher({ canonical = false }: { canonical?: boolean } = {}) {
  const form = 'an IP address or a prefix such as "192.0.2.7" or "10.0.0.0/8"';
  return text(canonical ? `${form}, with no bits set behind the prefix` : form, (value) => {
    const network = parseNetwork(value);
    return network !== undefined && (network.canonical || !canonical);
  }, "IP matcher");
}

/** An IP address without a port or brackets. */
export function ipAddress() {
  return text('an IP address such as "192.0.2.7"', (value) => ipFamily(value) !== 0, "IP");
}

/** A name for an upstream: 1 to 64 of `A-Z a-z 0-9 . - _`. */
export function alias() {
  return text(
    "1 to 64 letters, digits, dots, hyphens or underscores",
    (value) => /^[A-Za-z0-9._-]{1,64}$/.test(value),
    "alias",
  );
}

/** A DNS name or IP address without a port; the value is in normal form. No wildcard. */
export function hostName() {
  return normalized("a host name or IP address", normalizeHost, "host");
}

/** A host to serve: a DNS name, `*.` and a DNS name, or an IP address; the value is in normal form. */
export function hostPattern() {
  return normalized(
    'a host name, "*." and a host name, or an IP address',
    normalizeHostPattern,
    "host pattern",
  );
}

/** A request path: begins with `/`, without `?`, `#`, backslash, control characters or dot segments. */
export function pathValue() {
  return text(
    'a path that begins with "/" and has no "?", "#", "\\", control characters, "." or ".." segments',
    isPathValue,
    "path value",
  );
}

/** A field name; the value is in lower case. */
export function headerName() {
  return normalized(
    'a header name such as "x-request-id"',
    (value) =>
      isToken(value) && value.length <= MAX_HEADER_NAME_BYTES ? value.toLowerCase() : undefined,
    "header name",
  );
}

/** A field value: visible ASCII and spaces, not blank. */
export function headerValue() {
  return text(
    `a header value of 1 to ${MAX_HEADER_VALUE_BYTES} visible ASCII characters and spaces`,
    (value) =>
      value.trim() !== "" && value.length <= MAX_HEADER_VALUE_BYTES && /^[ -~]*$/.test(value),
    "header value",
  );
}

/** An `http://` or `https://` URL with a host, without user information, query or fragment. */
export function httpUrl({ max = 2048 }: { max?: number } = {}) {
  return text(
    `an http:// or https:// URL of at most ${max} characters, without user, query or fragment`,
    (value) => value.length <= max && isPlainUrl(value),
    "URL",
  );
}

/** A SHA-256 as 64 hexadecimal digits; the value is in lower case. */
export function sha256() {
  return normalized(
    "64 hexadecimal digits",
    (value) => /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined,
    "SHA-256",
  );
}

/**
 * A path of the file system. A relative one is resolved against the directory of the file that
 * names it, and the loader refuses `..` components and symlinks on the way (spec 01 sections 1.3, 1.4).
 *
 * @param rule `trustedParent`: its directory must not be writable by others, as for keys, secrets and
 * sockets. `process`: one of `server.process`, which the config tester may skip. `links`: through trusted
 * symbolic links, too.
 */
export function filePath(
  { trustedParent = false, process = false, mayBeLinked = false, links = false }: Partial<
    PathRule
  > = {},
) {
  const safe = trustedParent ? "safe path, trusted parent" : "safe path";
  const allowed = links ? "trusted path" : safe;
  return z.string()
    .refine(
      (value) => value !== "" && byteLength(value) <= MAX_PATH_BYTES && !hasControl(value),
      { error: `must be a path of 1 to ${MAX_PATH_BYTES} bytes without control characters` },
    )
    .register(valueKinds, {
      type: "path",
      allowed,
      path: { trustedParent, process, mayBeLinked, links },
    });
}

/**
 * A list with bounds.
 *
 * @param unique `exact` compares entries as they are, `nocase` without regard to case. Tables are
 * not compared.
 */
export function list<Item extends z.ZodType>(
  item: Item,
  { min = 0, max, unique }: { min?: number; max: number; unique?: "exact" | "nocase" },
) {
  const bounded = z.array(item).min(min).max(max);
  if (unique === undefined) return bounded;
  return bounded.superRefine((entries, context) => {
    const seen = new Set<unknown>();
    for (const [index, entry] of entries.entries()) {
      const key = unique === "nocase" && typeof entry === "string" ? entry.toLowerCase() : entry;
      if (seen.has(key)) {
        context.addIssue({
          code: "custom",
          input: entry,
          path: [index],
          message: "must not be in the list twice",
        });
      }
      seen.add(key);
    }
  });
}

/** Whether `value` is an upstream authority; see {@linkcode authority}. */
export function isAuthority(value: string): boolean {
  const parts = splitAuthority(value);
  if (parts === undefined || parts.port === 0) return false;
  return ipFamily(parts.host) !== 0 || normalizeHost(parts.host) !== undefined;
}

/** Whether `value` follows the path value rules of spec 02 section 4. */
export function isPathValue(value: string): boolean {
  return value.startsWith("/") && !/[\\?#]/.test(value) && !hasControl(value) &&
    !value.split("/").some((segment) => segment === "." || segment === "..");
}

function isPlainUrl(value: string): boolean {
  if (!/^https?:\/\/[^\s\\?#@/]+(\/[^\s\\?#@]*)?$/.test(value) || hasControl(value)) return false;
  const host = /^https?:\/\/([^/]+)/.exec(value)?.[1] ?? "";
  return normalizeHost(host) !== undefined;
}

/** A string for which `accepts` holds; `allowed` completes "must be ...". */
function text(
  allowed: string,
  accepts: (value: string) => boolean,
  type = "string",
  path?: PathRule,
) {
  return z.string().refine(accepts, { error: `must be ${allowed}` })
    .register(valueKinds, path === undefined ? { type, allowed } : { type, allowed, path });
}

/** A string that `normalize` knows a normal form of. */
function normalized(
  allowed: string,
  normalize: (value: string) => string | undefined,
  type: string,
) {
  return z.string().transform((value, context): string => {
    const normal = normalize(value);
    if (normal !== undefined) return normal;
    context.addIssue({ code: "custom", input: value, message: `must be ${allowed}` });
    return z.NEVER;
  }).register(valueKinds, { type, allowed });
}

function boundsInWords(min: number, max: number): string {
  if (max === Number.MAX_SAFE_INTEGER) return `at least ${formatByteSize(min)}`;
  return `from ${formatByteSize(min)} to ${formatByteSize(max)}`;
}
