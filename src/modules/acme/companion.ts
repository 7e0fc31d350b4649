/** What `fluxheim-acme` does, for the command line: the verbs of spec 05 section 6.11. @module */
import type { CommandOption } from "../../gateway/command.ts";
import { askReload } from "./cli/reload_client.ts";
import { type Call, renewTargets, statusLine, workOf } from "./cli/renew.ts";
import { targetLine } from "./table.ts";
import { COMPANION_OPTIONS } from "./cli/commands.ts";

/** A verb of the companion. */
export interface CompanionVerb {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CommandOption[];
  run(call: Call): Promise<number>;
}

const { FORCE, VHOST, NO_RELOAD } = COMPANION_OPTIONS;
const CONFIRM: CommandOption = { name: "confirm", help: "Do what cannot be undone." };
const ISSUER: CommandOption = {
  name: "issuer",
  value: "NAME",
  help: "The account at this issuer; tls.acme.default_issuer unless given.",
};

/** All verbs. */
export const COMPANION_VERBS: readonly CompanionVerb[] = [
  {
    name: "renew",
    summary: "order missing certificates, and renew those that are due",
    options: [FORCE, VHOST, NO_RELOAD],
    async run(call) {
      const work = await workOf(call);
      if (work === undefined) return 1;
      const { acme, targets, renewer, config } = work;
      const nowSecs = Date.now() / 1000;
      const isForced = call.args.has("force-renew");
      const due = targets.filter((one) => isForced || renewer.status(one).dueAt <= nowSecs);
      return await renewTargets(call, acme, due, renewer, config) ? 1 : 0;
    },
  },
  {
    name: "targets",
    summary: "list what is managed",
    options: [],
    async run(call) {
      const work = await workOf(call);
      if (work === undefined) return 1;
      const { targets } = work;
      call.out(`acme targets: ${targets.length}`);
      for (const target of targets) call.out(targetLine(target));
      return 0;
    },
  },
  {
    name: "status",
    summary: "show which certificates are missing, due, or valid",
    options: [VHOST],
    async run(call) {
      const work = await workOf(call);
      if (work === undefined) return 1;
      call.out(`acme status targets: ${work.targets.length}`);
      for (const target of work.targets) call.out(statusLine(target, work.renewer.status(target)));
      return 0;
    },
  },
  {
    name: "reload",
    summary: "have the running gateway show what is on disk",
    options: [],
    async run(call) {
      const config = await call.config();
      if (config === undefined) return 1;
      const failure = await askReload(config.server.process.certificate_reload_sock);
      if (failure === undefined) call.out("certificate reload: ok");
      else call.err(`certificate reload: ${failure}`);
      return failure === undefined ? 0 : 1;
    },
  },
  {
    name: "revoke",
    summary: "have a certificate revoked, and order another one",
    options: [
      VHOST,
      CONFIRM,
      {
        name: "reason",
        value: "WORD",
        help: "keyCompromise, affiliationChanged, superseded or cessationOfOperation.",
      },
      { name: "no-renew", help: "Order no other one." },
      NO_RELOAD,
    ],
    run: async (call) => (await import("./cli/revoke.ts")).revoke(call),
  },
  {
    name: "account-rollover",
    summary: "give an account another key",
    options: [ISSUER],
    run: async (call) => (await import("./cli/account.ts")).rollOver(call),
  },
  {
    name: "account-deactivate",
    summary: "end an account; the next order makes another one",
    options: [ISSUER, CONFIRM],
    run: async (call) => (await import("./cli/account.ts")).deactivate(call),
  },
];

/** Options of all verbs, each once. */
export const COMPANION_HELP: readonly CommandOption[] = [
  ...new Map(COMPANION_VERBS.flatMap(({ options }) => options.map((one) => [one.name, one])))
    .values(),
];
