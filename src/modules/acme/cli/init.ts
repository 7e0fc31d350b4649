/**
 * `fluxheim acme-init`: a fragment for `conf.d`, the secrets of an issuer that has some, and how the service manager
 * hands them over (spec 05 section 6.13). No issuer is asked.
 *
 * @module
 */
import { pathProblem } from "../../../config/read/paths.ts";
import type { CommandCall } from "../../../gateway/command.ts";
import { BUILT_IN_ISSUERS } from "../issuers.ts";
import { isTermsUrl, TERMS_URL_RULE } from "../terms.ts";

const PROVIDERS = ["actalis", "letsencrypt", "letsencrypt-staging"] as const;
type Provider = typeof PROVIDERS[number];

const MAX_EMAIL_CHARS = 254;
const MAX_SECRET_BYTES = 4096;
const SAFE = { trustedParent: true, process: false };

const DEFAULTS = {
  "output": "/etc/fluxheim/conf.d/acme.toml",
  "storage": "/var/lib/fluxheim/acme",
  "secrets-dir": "/etc/fluxheim/secrets",
  "systemd-dropin-dir": "/etc/systemd/system/fluxheim.service.d",
} as const;

/** What is wrong with what was given; for a person. */
class Refused extends Error {}

/** One file to be written. */
interface Draft {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Runs the command. */
export function init(call: CommandCall): number {
  try {
    const { provider, drafts, storage, directories, next } = planOf(call);
    const isForced = call.args.has("force");
    // Nothing is written unless all of it can be.
    for (const { path } of drafts) {
      if (!isForced && isThere(path)) {
        throw new Refused(`${path} is there already; --force replaces it`);
      }
    }
    const created: string[] = [];
    for (const [path, mode] of [[storage, 0o700], ...directories] as const) {
      if (makeDirectory(path, mode)) created.push(path);
    }
    for (const draft of drafts) {
      put(draft);
      created.push(draft.path);
    }
    call.out(`initialized ACME issuer: ${provider}`);
    for (const path of created) call.out(`created: ${path}`);
    for (const hint of next) call.out(`next: ${hint}`);
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    call.err(`acme-init: ${error.message}`);
    return 1;
  }
}

function planOf(call: CommandCall) {
  const { args } = call;
  const provider = PROVIDERS.find((name) => name === args.positionals[0]);
  if (provider === undefined) {
    throw new Refused(`the issuer must be one of ${PROVIDERS.join(", ")}`);
  }
  const path = (name: keyof typeof DEFAULTS) => safePath(args.get(name) ?? DEFAULTS[name], name);
  const output = path("output");
  const storage = path("storage");
  const email = emailOf(call);
  const terms = termsOf(call);
  const hasSecrets = provider === "actalis";
  const usesSystemd = hasSecrets && !args.has("no-systemd");
  const drafts: Draft[] = [];
  const directories: (readonly [string, number])[] = [];
  const secrets = { kid: "", hmac: "" };
  if (hasSecrets) {
    const directory = path("secrets-dir");
    const { kid, hmac } = secretsOf(call);
    secrets.kid = `${directory}/actalis-eab-kid`;
    secrets.hmac = `${directory}/actalis-eab-hmac-key`;
    directories.push([directory, 0o700]);
    drafts.push(
      { path: secrets.kid, content: `${kid}\n`, mode: 0o600 },
      { path: secrets.hmac, content: `${hmac}\n`, mode: 0o600 },
    );
  }
  if (usesSystemd) {
    const directory = path("systemd-dropin-dir");
    directories.push([directory, 0o755]);
    const content = `[Service]\nLoadCredential=actalis-eab-kid:${secrets.kid}\n` +
      `LoadCredential=actalis-eab-hmac-key:${secrets.hmac}\n`;
    drafts.push({ path: `${directory}/actalis-eab.conf`, content, mode: 0o644 });
  }
  directories.push([output.slice(0, output.lastIndexOf("/")), 0o755]);
  drafts.push({
    path: output,
    content: fragment({ provider, email, storage, usesSystemd, secrets, terms }),
    mode: 0o644,
  });
  const next = [
    "fluxheim --validate-config",
    ...(usesSystemd
      ? [
        "systemctl daemon-reload",
        "systemctl restart fluxheim",
        "systemctl enable --now fluxheim-acme.timer",
      ]
      : ["systemctl restart fluxheim"]),
  ];
  return { provider, drafts, storage, directories, next };
}

/** What the fragment is made of. */
interface Answers {
  readonly provider: Provider;
  readonly email: string;
  readonly storage: string;
  readonly usesSystemd: boolean;
  readonly secrets: { readonly kid: string; readonly hmac: string };
  readonly terms: readonly string[];
}

function fragment(
  { provider, email, storage, usesSystemd, secrets, terms }: Answers,
): string {
  const lines = [
    "[tls.acme]",
    "enabled = true",
    `storage = ${quoted(storage)}`,
    `contact_email = ${quoted(email)}`,
    `default_issuer = "${provider}"`,
    'challenge = "http-01"',
    `automation = "${usesSystemd ? "external" : "background"}"`,
    "",
    "[tls.acme.renewal]",
    "renew_before_secs = 2592000",
    "check_interval_secs = 3600",
    "retry_initial_secs = 300",
    "retry_max_secs = 86400",
    "reload_after_renewal = true",
    "zero_downtime_reload = true",
  ];
  // The defaults of a built-in issuer suffice, unless something is said of it.
  if (provider !== "actalis" && terms.length === 0) return `${lines.join("\n")}\n`;
  const url = BUILT_IN_ISSUERS.find(({ name }) => name === provider)?.directoryUrl;
  lines.push("", "[[tls.acme.issuers]]", `name = "${provider}"`, `directory_url = "${url}"`);
  lines.push(...terms);
  if (provider === "actalis") {
    const sources = usesSystemd
      ? ['key_id_credential = "actalis-eab-kid"', 'hmac_key_credential = "actalis-eab-hmac-key"']
      : [`key_id_file = ${quoted(secrets.kid)}`, `hmac_key_file = ${quoted(secrets.hmac)}`];
    lines.push("", "[tls.acme.issuers.eab]", ...sources);
  }
  return `${lines.join("\n")}\n`;
}

/** Keys of the issuer for what was said of its terms of service. */
function termsOf({ args }: CommandCall): readonly string[] {
  const url = args.get("terms-of-service-url");
  if (!args.has("accept-terms-of-service")) {
    if (url === undefined) return [];
    throw new Refused("--terms-of-service-url needs --accept-terms-of-service");
  }
  const agreed = "terms_of_service_agreed = true";
  if (url === undefined) return [agreed];
  if (!isTermsUrl(url)) throw new Refused(`--terms-of-service-url ${TERMS_URL_RULE}`);
  return [agreed, `terms_of_service_url = ${quoted(url)}`];
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function emailOf({ args }: CommandCall): string {
  const email = (args.get("email") ?? asked(args.has("non-interactive"), "email", "--email"))
    .trim();
  const at = email.indexOf("@");
  if (
    email.length > MAX_EMAIL_CHARS || at < 1 || at === email.length - 1 || !isClean(email, true)
  ) {
    throw new Refused(`the email must be an address of at most ${MAX_EMAIL_CHARS} characters`);
  }
  return email;
}

function secretsOf({ args }: CommandCall): { readonly kid: string; readonly hmac: string } {
  const [kidFile, hmacFile] = [args.get("kid-file"), args.get("hmac-key-file")];
  if ((kidFile === undefined) !== (hmacFile === undefined)) {
    throw new Refused("--kid-file and --hmac-key-file go together");
  }
  const isSilent = args.has("non-interactive");
  const kid = kidFile === undefined
    ? asked(isSilent, "key identifier (EAB)", "--kid-file")
    : readSecret(kidFile);
  const hmac = hmacFile === undefined
    ? hidden(isSilent, "HMAC key (EAB)", "--hmac-key-file")
    : readSecret(hmacFile);
  return { kid: checkedSecret(kid, "key identifier"), hmac: checkedSecret(hmac, "HMAC key") };
}

function readSecret(path: string): string {
  const info = lookAt(path);
  if (info?.isFile !== true) throw new Refused(`${path} must be a regular file`);
  if (info.size > MAX_SECRET_BYTES + 2) {
    throw new Refused(`${path} must be at most ${MAX_SECRET_BYTES} bytes`);
  }
  return Deno.readTextFileSync(path);
}

function checkedSecret(text: string, what: string): string {
  const secret = text.trim();
  if (secret === "" || secret.length > MAX_SECRET_BYTES || !isClean(secret, false)) {
    throw new Refused(
      `the ${what} must be 1 to ${MAX_SECRET_BYTES} bytes without control characters`,
    );
  }
  return secret;
}

function isClean(text: string, isWord: boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < (isWord ? 33 : 32) || code === 127) return false;
  }
  return true;
}

function asked(isSilent: boolean, what: string, option: string): string {
  const answer = isSilent ? null : prompt(`${what}:`);
  if (answer === null) throw new Refused(`${option} is needed where nothing can be asked`);
  return answer;
}

/** As {@linkcode asked}, without showing what is typed. */
function hidden(isSilent: boolean, what: string, option: string): string {
  if (isSilent || !Deno.stdin.isTerminal()) return asked(isSilent, what, option);
  Deno.stderr.writeSync(new TextEncoder().encode(`${what}: `));
  Deno.stdin.setRaw(true, { cbreak: true });
  try {
    let text = "";
    const byte = new Uint8Array(1);
    while (text.length <= MAX_SECRET_BYTES && Deno.stdin.readSync(byte) === 1) {
      if (byte[0] === 10 || byte[0] === 13) break;
      text = byte[0] === 127 ? text.slice(0, -1) : text + String.fromCharCode(byte[0]);
    }
    return text;
  } finally {
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(Uint8Array.of(10));
  }
}

function safePath(path: string, option: string): string {
  if (!path.startsWith("/") || path.endsWith("/") || path.split("/").includes("..")) {
    throw new Refused(`--${option} must be an absolute path without ".."`);
  }
  const problem = pathProblem(path, SAFE);
  if (problem !== undefined) throw new Refused(`--${option}: ${path} ${problem.message}`);
  return path;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isThere(path: string): boolean {
  return lookAt(path) !== undefined;
}

/** @returns Whether it was made. */
function makeDirectory(path: string, mode: number): boolean {
  const info = lookAt(path);
  if (info?.isDirectory === true) return false;
  if (info !== undefined) throw new Refused(`${path} must be a directory`);
  Deno.mkdirSync(path, { recursive: true, mode });
  return true;
}

function put({ path, content, mode }: Draft): void {
  const temporary = `${path}.tmp`;
  if (isThere(temporary)) Deno.removeSync(temporary);
  {
    using file = Deno.openSync(temporary, { write: true, createNew: true, mode });
    const bytes = new TextEncoder().encode(content);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  }
  Deno.chmodSync(temporary, mode);
  Deno.renameSync(temporary, path);
}
