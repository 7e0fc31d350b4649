/**
 * Renewals by a command instead of the service: `fluxheim acme-renew`, and the verbs of `fluxheim-acme` (spec 05
 * section 6.11).
 *
 * @module
 */
import type { Config } from "../../../config/types.ts";
import type { CommandCall } from "../../../gateway/command.ts";
import type { Issuer } from "../issuers.ts";
import { Renewer } from "../renewer.ts";
import { ChallengeStore } from "../store/challenge_store.ts";
import { makeStorage, readIfThere } from "../store/files.ts";
import { acmeOf, type EnabledAcme, type Target, targetsOf } from "../table.ts";
import type { TargetStatus } from "../target_status.ts";
import { askReload } from "./reload_client.ts";

const MAX_CA_BYTES = 1024 * 1024;

/** What a verb works on. */
export interface Work {
  readonly config: Config;
  readonly acme: EnabledAcme;
  readonly targets: readonly Target[];
  readonly renewer: Renewer;
}

/** The part of a call that verbs use. */
export type Call = Pick<CommandCall, "args" | "out" | "err" | "config">;

/** @returns `undefined` after what is wrong was reported. */
export async function workOf(call: Call): Promise<Work | undefined> {
  const config = await call.config();
  if (config === undefined) return undefined;
  const acme = acmeOf(config);
  if (acme === undefined) {
    call.err("tls.acme.enabled is false: no certificate is managed");
    return undefined;
  }
  const vhost = call.args.get("vhost");
  const targets = targetsOf(config).filter((target) =>
    vhost === undefined || target.vhost === vhost
  );
  if (vhost !== undefined && targets.length === 0) {
    call.err(`no vhost "${vhost}" has a managed certificate`);
    return undefined;
  }
  return { config, acme, targets, renewer: renewerOf(acme) };
}

/** Authorities of an issuer, PEM. */
export function caOf({ caBundle }: Issuer): string | undefined {
  const content = caBundle === undefined ? undefined : readIfThere(caBundle, MAX_CA_BYTES);
  return content === undefined ? undefined : new TextDecoder().decode(content);
}

/** A renewer whose challenges the running gateway finds on the disk. */
function renewerOf(acme: EnabledAcme): Renewer {
  const challenges = new ChallengeStore(acme.storage);
  return new Renewer({
    acme,
    publish: ({ vhost }, { token, keyAuthorization }) =>
      Promise.resolve(challenges.publish(vhost, token, keyAuthorization)),
    withdraw: ({ vhost }, { token }) => Promise.resolve(challenges.remove(vhost, token)),
    ca: caOf,
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
}

/** `fluxheim acme-renew` (spec 01 section 6.4). */
export async function renew(call: Call): Promise<number> {
  const { args, out, err } = call;
  if (args.has("all")) err("--all is deprecated: use --force-renew");
  const isForced = args.has("force-renew") || args.has("all");
  const work = await workOf(call);
  if (work === undefined) return 1;
  const { targets, renewer, acme } = work;
  out(`acme targets: ${targets.length}`);
  const nowSecs = Date.now() / 1000;
  const due = targets.filter((target) => {
    const isDue = renewer.status(target).dueAt <= nowSecs;
    const status = isForced ? "forced" : isDue ? "due" : "skipped";
    out(`target: ${target.vhost} status=${status} ${placesOf(target)}`);
    return isForced || isDue;
  });
  if (targets.length === 0) stateLines(work).forEach(out);
  return await renewTargets(call, acme, due, renewer, work.config) || isForced && due.length === 0
    ? 1
    : 0;
}

/** @returns Whether anything failed. */
export async function renewTargets(
  { args, out, err }: Call,
  acme: EnabledAcme,
  due: readonly Target[],
  renewer: Renewer,
  config: Config,
): Promise<boolean> {
  let hasFailed = false;
  let renewed = 0;
  if (due.length > 0) makeStorage(acme.storage);
  const lines: string[] = [];
  for (const target of due) {
    const outcome = await renewer.renew(target, args.has("force-renew") || args.has("all"));
    if (outcome.warning !== undefined) err(`${target.vhost}: ${outcome.warning}`);
    if (outcome.kind === "renewed") {
      renewed++;
      const { vhost, issuer, directory } = target;
      lines.push(
        `renewed: ${vhost} issuer=${issuer.name} cert=${directory}/fullchain.pem ` +
          `key=${directory}/privkey.pem challenges=${outcome.challenges}`,
      );
      continue;
    }
    const { vhost, issuer, domains } = target;
    if (outcome.kind === "skipped") {
      const next = new Date(renewer.status(target).nextAttempt * 1000).toISOString();
      lines.push(
        `skipped: ${vhost} issuer=${issuer.name} next_attempt=${next} reason=${outcome.reason}`,
      );
      continue;
    }
    hasFailed = true;
    const error = outcome.kind === "failed" ? outcome.error : outcome.reason;
    lines.push(
      `failed: ${vhost} issuer=${issuer.name} domains=${domains.join(",")} error=${error}`,
    );
  }
  out(`acme attempted: ${due.length}`);
  if (due.length === 0) out("acme status: no certificates are missing or due for renewal");
  lines.forEach(out);
  if (renewed === 0 || args.has("no-reload") || !acme.renewal.reload_after_renewal) {
    return hasFailed;
  }
  const failure = await askReload(config.server.process.certificate_reload_sock);
  if (failure === undefined) out("certificate reload: ok");
  else err(`certificate reload: ${failure}`);
  return hasFailed || failure !== undefined;
}

/** A `target:` line of `fluxheim-acme status`. */
export function statusLine(target: Target, { status, dueAt, notAfter }: TargetStatus): string {
  const isDue = dueAt <= Date.now() / 1000;
  return `target: ${target.vhost} status=${status} due_now=${isDue} due_at=${Math.floor(dueAt)} ` +
    `not_after=${notAfter === undefined ? "missing" : Math.floor(notAfter)} ${placesOf(target)}`;
}

function placesOf({ issuer, domains, directory }: Target): string {
  return `issuer=${issuer.name} domains=${domains.join(",")} cert=${directory}/fullchain.pem ` +
    `key=${directory}/privkey.pem`;
}

/** Why there is no target: what each vhost lacks. */
function* stateLines({ config, acme }: Pick<Work, "config" | "acme">): Generator<string> {
  yield `acme state: enabled=${acme.enabled} renewal=${acme.renewal.enabled}`;
  for (const { name, tls } of config.vhosts) {
    yield `vhost-acme-state: ${name} tls=${tls?.enabled === true} ` +
      `acme=${tls?.acme?.enabled === true} certificate=${tls?.certificate !== undefined}`;
  }
}
