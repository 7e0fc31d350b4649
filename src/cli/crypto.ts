/** `fluxheim crypto`: what cryptography this build has and what a configuration asks of it. @module */
import type { Config } from "../config/types.ts";
import { at } from "../runtime/compare.ts";
import type { Profile } from "../runtime/profile.ts";
import { type Command, EXIT } from "./command.ts";
import { load, printProblems } from "./load.ts";
import { configSource } from "./options.ts";
import { VERSION } from "./version.ts";

const NO_MODULE = "unavailable (this build does not contain the module)";
/** The label 1.5 gives a bearer-token HMAC whose provider is not validated (spec 05 section 5.1). */
const HMAC_PROVIDER = "ring-hmac-sha256";

/** Prints the block of spec 05 section 5.5. */
export const crypto: Command = {
  name: "crypto",
  summary: "print which TLS backends and validated providers there are",
  details: ["Informational: ends with status 0 even when no validated provider is there."],
  options: [],
  async run({ profile, args, io }) {
    const source = configSource(args);
    let configured: string[] = [];
    if (source !== undefined) {
      const { config, problems } = await load(profile, source, { runtimePaths: false });
      printProblems(problems, io);
      if (config === undefined) return EXIT.failed;
      configured = configLines(config, source);
    }
    [...diagnostics(profile), ...configured].forEach(io.out);
    return EXIT.ok;
  },
};

/** The block without its part about a configuration. */
export function diagnostics({ modules }: Profile): string[] {
  const has = (name: string) => modules.some((module) => module.name === name);
  return [
    "crypto diagnostics:",
    `  version: ${VERSION}`,
    `  tls compiled: ${has("tls")}`,
    "  tls backends:",
    `    rustls: ${has("tls")}`,
    "    openssl: false",
    "  fips-capable features:",
    "    tls-rustls-fips: false",
    "    tls-rustls-iso19790: false",
    "    tls-openssl-fips: false",
    "    tls-openssl-iso19790: false",
    `    admin_auth_hmac_provider: ${HMAC_PROVIDER}`,
    "    admin_auth_hmac_fips_capable: false",
    `    acme_client_compiled: ${has("acme-client")}`,
    "    managed_acme_fips_capable: false",
    `    openssl_fips_provider: ${NO_MODULE}`,
    `    rustls_fips_provider: ${NO_MODULE}`,
    "  openssl environment:",
    `    OPENSSL_CONF: ${variable("OPENSSL_CONF")}`,
    `    OPENSSL_MODULES: ${variable("OPENSSL_MODULES")}`,
    "  notes:",
    "    required FIPS and ISO/IEC 19790 modes fail closed: this runtime cannot prove a provider",
    "    what an operator can show beyond that is in docs/tls.md",
  ];
}

/** The part about a configuration; each key that its build does not know has its default. */
export function configLines(config: Config, path: string): string[] {
  const tls = (key: string, fallback: unknown) =>
    at(config, ["tls", ...key.split(".")]) ?? fallback;
  const profile = tls("profile", "intermediate");
  const floor = profile === "modern" ? "tls1.3" : "tls1.2";
  const fips = tls("fips.required", false) === true;
  const iso = tls("iso19790.required", false) === true;
  const modes = [...(fips ? ["FIPS 140-3"] : []), ...(iso ? ["ISO/IEC 19790"] : [])];
  return [
    "  config:",
    `    path: ${path}`,
    `    tls.enabled: ${tls("enabled", false)}`,
    `    tls.backend: ${tls("backend", "rustls")}`,
    `    tls.profile: ${profile}`,
    `    tls.min_protocol: ${tls("min_protocol", floor)}`,
    `    tls.compliance_mode: ${modes.length === 0 ? "none" : modes.join(" / ")}`,
    `    admin_auth_hmac_effective_provider: ${HMAC_PROVIDER}`,
    `    tls.fips.required: ${fips}`,
    `    tls.iso19790.required: ${iso}`,
  ];
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
