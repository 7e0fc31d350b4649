/** `fluxheim crypto`: what cryptography this build has and what a configuration asks of it. @module */
import type { Config } from "../../config/types.ts";
import {
  GROUPS,
  type Offered,
  TLS12_SUITES,
  TLS13_SUITES,
  TLS_LIBRARY,
} from "../../net/tls/offer.ts";
import { at } from "../../runtime/reload/compare.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import { type Command, EXIT } from "../command.ts";
import { loadOrReport } from "../load.ts";
import { CONFIG, configSource, JSON_OUTPUT } from "../options.ts";
import { VERSION } from "./version.ts";

const NO_MODULE = "unavailable (this build does not contain the module)";
/** The label 1.5 gives a bearer-token HMAC whose provider is not validated (spec 05 section 5.1). */
const HMAC_PROVIDER = "ring-hmac-sha256";

/** Names and values; a list stands for lines of text. */
interface Block {
  readonly [name: string]: string | boolean | readonly string[] | Block;
}

/** Prints the block of spec 05 section 5.5, and what the runtime offers in a handshake. */
export const crypto: Command = {
  name: "crypto",
  summary: "print which TLS backends, suites, groups and validated providers there are",
  details: [
    "Suites and groups are those of the runtime, towards clients and upstreams alike.",
    "Informational: ends with status 0 even when no validated provider is there.",
  ],
  options: [JSON_OUTPUT, CONFIG],
  async run(call) {
    const { profile, args, io } = call;
    const source = configSource(args);
    let block = diagnostics(profile);
    if (source !== undefined) {
      const config = await loadOrReport(call, { runtimePaths: false });
      if (config === undefined) return EXIT.failed;
      block = { ...block, config: configured(config, source) };
    }
    if (args.has(JSON_OUTPUT.name)) io.out(JSON.stringify(block, undefined, 2));
    else textOf(block).forEach(io.out);
    return EXIT.ok;
  },
};

/** The lines for a build, and for a configuration of it. */
export function cryptoLines(profile: Profile, config: Config, path: string): string[] {
  return textOf({ ...diagnostics(profile), config: configured(config, path) });
}

function textOf(block: Block): string[] {
  return ["crypto diagnostics:", ...indented(block, "  ")];
}

function indented(block: Block, indent: string): string[] {
  return Object.entries(block).flatMap(([name, value]) => {
    if (typeof value !== "object") return [`${indent}${name}: ${value}`];
    const deeper = `${indent}  `;
    const lines = isText(value) ? value.map((line) => deeper + line) : indented(value, deeper);
    return [`${indent}${name}:`, ...lines];
  });
}

function isText(value: readonly string[] | Block): value is readonly string[] {
  return Array.isArray(value);
}

function diagnostics({ modules }: Profile): Block {
  const has = (name: string) => modules.some((module) => module.name === name);
  return {
    "version": VERSION,
    "runtime": `deno ${Deno.version.deno}, v8 ${Deno.version.v8}`,
    "tls compiled": has("tls"),
    "tls library": TLS_LIBRARY,
    "tls backends": { "rustls": has("tls"), "openssl": false },
    "tls 1.3 suites": names(TLS13_SUITES),
    "tls 1.2 suites": names(TLS12_SUITES),
    "tls groups": names(GROUPS),
    "fips-capable features": {
      "tls-rustls-fips": false,
      "tls-rustls-iso19790": false,
      "tls-openssl-fips": false,
      "tls-openssl-iso19790": false,
      "admin_auth_hmac_provider": HMAC_PROVIDER,
      "admin_auth_hmac_fips_capable": false,
      "acme_client_compiled": has("acme-client"),
      "managed_acme_fips_capable": false,
      "openssl_fips_provider": NO_MODULE,
      "rustls_fips_provider": NO_MODULE,
    },
    "openssl environment": {
      "OPENSSL_CONF": variable("OPENSSL_CONF"),
      "OPENSSL_MODULES": variable("OPENSSL_MODULES"),
    },
    "notes": [
      "required FIPS and ISO/IEC 19790 modes fail closed: this runtime cannot prove a provider",
      "what an operator can show beyond that is in docs/tls.md",
    ],
  };
}

function names(offered: readonly Offered[]): readonly string[] {
  return offered.map(([name]) => name);
}

/** The part about a configuration; each key that its build does not know has its default. */
function configured(config: Config, path: string): Block {
  const tls = (key: string, fallback: string | boolean) => {
    const value = at(config, ["tls", ...key.split(".")]);
    return typeof value === "string" || typeof value === "boolean" ? value : fallback;
  };
  const profile = tls("profile", "intermediate");
  const fips = tls("fips.required", false) === true;
  const iso = tls("iso19790.required", false) === true;
  const modes = [...(fips ? ["FIPS 140-3"] : []), ...(iso ? ["ISO/IEC 19790"] : [])];
  return {
    "path": path,
    "tls.enabled": tls("enabled", false),
    "tls.backend": tls("backend", "rustls"),
    "tls.profile": profile,
    "tls.min_protocol": tls("min_protocol", profile === "modern" ? "tls1.3" : "tls1.2"),
    "tls.compliance_mode": modes.length === 0 ? "none" : modes.join(" / "),
    "admin_auth_hmac_effective_provider": HMAC_PROVIDER,
    "tls.fips.required": fips,
    "tls.iso19790.required": iso,
  };
}

/** An environment variable as spec 05 section 5.5 writes it, or that this process may not read it. */
function variable(name: string): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") return "<not permitted>";
  const value = Deno.env.get(name);
  if (value === undefined) return "<unset>";
  if (value.trim() === "") return "<empty>";
  return value.includes("\uFFFD") ? "<non-unicode>" : value;
}
