/**
 * `fluxheim-acme revoke`: has the issuer revoke the certificate of a vhost (RFC 8555 section 7.6), sets its pair aside,
 * and orders another one with another key.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { AcmeError } from "../client/acme_error.ts";
import { IssuerClient } from "../client/issuer_client.ts";
import { AccountStore } from "../store/account_store.ts";
import { targetLock, withLock } from "../store/lock.ts";
import { recoverPair, setAsideRevoked } from "../store/pair_store.ts";
import type { EnabledAcme, Target } from "../table.ts";
import { leafOf } from "../target_status.ts";
import { type Call, caOf, renewTargets, workOf } from "./renew.ts";

/** Reasons that an owner can give (RFC 5280 section 5.3.1). */
const REASONS: ReadonlyMap<string, number> = new Map([
  ["unspecified", 0],
  ["keyCompromise", 1],
  ["affiliationChanged", 3],
  ["superseded", 4],
  ["cessationOfOperation", 5],
]);

/** Runs the command. */
export async function revoke(call: Call): Promise<number> {
  const { args, err, out } = call;
  const reason = args.get("reason") ?? "unspecified";
  const code = REASONS.get(reason);
  if (code === undefined) {
    err(`--reason must be one of ${[...REASONS.keys()].join(", ")}`);
    return 1;
  }
  if (!args.has("vhost") || !args.has("confirm")) {
    err("a revoked certificate cannot come back: name its vhost with --vhost, and add --confirm");
    return 1;
  }
  const work = await workOf(call);
  if (work === undefined) return 1;
  const { acme, targets: [target], renewer, config } = work;
  try {
    const done = await withLock(
      targetLock(acme.storage, target.vhost),
      () => revokeInstalled(acme, target, code),
    );
    if (done === "busy") {
      err(`an order for ${target.vhost} is under way: try again when it has ended`);
      return 1;
    }
    out(`revoked: ${target.vhost} issuer=${target.issuer.name} reason=${reason} ${done.value}`);
  } catch (error) {
    err(`not revoked: ${target.vhost} ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  if (args.has("no-renew")) return 0;
  return await renewTargets(call, acme, [target], renewer, config) ? 1 : 0;
}

async function revokeInstalled(acme: EnabledAcme, target: Target, code: number): Promise<string> {
  const { issuer, directory } = target;
  // Nothing older may come up in its place.
  recoverPair(directory);
  const leaf = leafOf(target);
  if (leaf === undefined) throw new AcmeError("has no certificate");
  const account = new AccountStore(acme.storage, issuer.name, issuer.directoryUrl).load();
  if (account === undefined) {
    throw new AcmeError(`has a certificate, and ${issuer.name} no account`);
  }
  using client = new IssuerClient({ directoryUrl: issuer.directoryUrl, ca: caOf(issuer) });
  const { revokeCert } = await client.directory();
  if (revokeCert === undefined) throw new AcmeError(`${issuer.name} offers no revocation`);
  const certificate = Buffer.from(leaf.raw).toString("base64url");
  try {
    await client.post(revokeCert, { certificate, reason: code }, account);
  } catch (error) {
    // By an earlier command that did not get further.
    if (!(error instanceof AcmeError) || error.type !== "alreadyRevoked") throw error;
  }
  return `serial=${leaf.serialNumber} kept=${setAsideRevoked(directory)}`;
}
