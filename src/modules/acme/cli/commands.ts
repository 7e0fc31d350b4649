/** Commands of managed certificates: what they are called and take. Their work is loaded when they run. @module */
import type { CommandOption, ModuleCommand } from "../../../gateway/command.ts";

const FORCE: CommandOption = {
  name: "force-renew",
  help: "Renew certificates that are not due, too.",
};
const VHOST: CommandOption = { name: "vhost", value: "NAME", help: "Only the one of this vhost." };
const NO_RELOAD: CommandOption = {
  name: "no-reload",
  help: "Do not ask the gateway to show what was renewed.",
};

/** All commands. */
export const commands: readonly ModuleCommand[] = [
  {
    name: "acme-renew",
    summary: "order missing certificates, and renew those that are due",
    details: [
      'What the gateway does by itself, unless tls.acme.automation is "external": for a timer.',
      "The running gateway answers the challenges, and shows what was renewed.",
    ],
    options: [
      FORCE,
      VHOST,
      NO_RELOAD,
      { name: "all", help: "Deprecated: the same as --force-renew." },
    ],
    takesConfig: true,
    run: async (call) => (await import("./renew.ts")).renew(call),
  },
  {
    name: "certs",
    summary: "list managed certificates: days left, when they are renewed, why they were not",
    options: [VHOST, { name: "json", help: "Print JSON." }],
    takesConfig: true,
    run: async (call) => (await import("./certs.ts")).certs(call),
  },
  {
    name: "acme-init",
    summary: "write a configuration fragment for an issuer, and keep its secrets",
    details: [
      "Issuers: actalis, letsencrypt, letsencrypt-staging. None of them is asked anything.",
      "Paths are absolute, without symbolic links, in directories that only their owner writes.",
    ],
    operand: "ISSUER",
    options: [
      { name: "email", value: "ADDRESS", help: "Contact of the account." },
      { name: "kid-file", value: "FILE", help: "File with the key identifier of the binding." },
      { name: "hmac-key-file", value: "FILE", help: "File with the HMAC key of the binding." },
      {
        name: "terms-of-service-url",
        value: "URL",
        help: "Agree to these terms alone; needs --accept-terms-of-service.",
      },
      { name: "accept-terms-of-service", help: "Agree to the terms of service of the issuer." },
      { name: "non-interactive", help: "Fail where a value is missing, and ask nothing." },
      { name: "force", help: "Replace files that are there." },
      { name: "no-systemd", help: "Write no drop-in; name the files of the secrets themselves." },
      {
        name: "output",
        value: "FILE",
        help: "The fragment; /etc/fluxheim/conf.d/acme.toml unless given.",
      },
      { name: "storage", value: "DIR", help: "/var/lib/fluxheim/acme unless given." },
      { name: "secrets-dir", value: "DIR", help: "/etc/fluxheim/secrets unless given." },
      {
        name: "systemd-dropin-dir",
        value: "DIR",
        help: "/etc/systemd/system/fluxheim.service.d unless given.",
      },
    ],
    run: async (call) => (await import("./init.ts")).init(call),
  },
];

/** Options of the verbs of `fluxheim-acme`, which has the same work. */
export const COMPANION_OPTIONS = { FORCE, VHOST, NO_RELOAD } as const;
