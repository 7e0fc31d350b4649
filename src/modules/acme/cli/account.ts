/**
 * The account at an issuer, changed by an operator: another key (RFC 8555 section 7.3.5), or its end (7.3.6). What is
 * begun is on the disk before the issuer hears of it, so that a command that was cut short is ended by the next one.
 *
 * @module
 */
import { AcmeError } from "../client/acme_error.ts";
import { IssuerClient } from "../client/issuer_client.ts";
import type { AccountKey } from "../client/jose.ts";
import type { Issuer } from "../issuers.ts";
import { type Account, AccountStore } from "../store/account_store.ts";
import { accountLock, targetLock, withLocks } from "../store/lock.ts";
import { issuersOf } from "../table.ts";
import { type Call, caOf, workOf } from "./renew.ts";

/** What is done with an account. */
type Change = (client: IssuerClient, account: Account, accounts: AccountStore) => Promise<string>;

/** `fluxheim-acme account-rollover`. */
export function rollOver(call: Call): Promise<number> {
  return change(call, async (client, account, accounts) => {
    const { keyChange } = await client.directory();
    if (keyChange === undefined) throw new AcmeError("its directory has no keyChange");
    const { key, wasThere } = accounts.nextKey();
    // The answer to an earlier command may have been lost.
    if (!wasThere || await ownerOf(client, key) !== account.id) {
      const payload = { account: account.id, oldKey: account.key.jwk };
      await client.post(keyChange, key.sign({ jwk: key.jwk, url: keyChange }, payload), account);
    }
    accounts.changeKey(account, key);
    return "has a new key";
  });
}

/** `fluxheim-acme account-deactivate --confirm`. */
export function deactivate(call: Call): Promise<number> {
  if (!call.args.has("confirm")) {
    call.err("an account that was deactivated cannot come back: say so with --confirm");
    return Promise.resolve(1);
  }
  return change(call, async (client, account, accounts) => {
    const wasBegun = accounts.beginEnding(account);
    try {
      await client.post(account.id, { status: "deactivated" }, account);
    } catch (error) {
      const isOver = error instanceof AcmeError &&
        (error.type === "accountDoesNotExist" || wasBegun && error.type === "unauthorized");
      if (!isOver) throw error;
    }
    accounts.end();
    return "is deactivated; the next order makes another one";
  });
}

/** URL of the account that a key belongs to. */
async function ownerOf(client: IssuerClient, key: AccountKey): Promise<string | undefined> {
  const { newAccount } = await client.directory();
  try {
    return (await client.post(newAccount, { onlyReturnExisting: true }, { key })).location;
  } catch (error) {
    if (error instanceof AcmeError && error.type === "accountDoesNotExist") return undefined;
    throw error;
  }
}

/** Does it while no order of the account is under way. */
async function change(call: Call, work: Change): Promise<number> {
  const found = await workOf(call);
  if (found === undefined) return 1;
  const { acme, targets } = found;
  const name = call.args.get("issuer") ?? acme.default_issuer;
  const issuer: Issuer | undefined = issuersOf(acme).find((one) => one.name === name);
  if (issuer === undefined) {
    call.err(`there is no issuer "${name}"`);
    return 1;
  }
  const { directoryUrl } = issuer;
  const accounts = new AccountStore(acme.storage, name, directoryUrl);
  try {
    if (accounts.load() === undefined) {
      call.err(`there is no account at ${name}`);
      return 1;
    }
    const locks = targets.filter((target) => target.issuer.name === name)
      .map(({ vhost }) => targetLock(acme.storage, vhost));
    const done = await withLocks([...locks, accountLock(acme.storage, name)], async () => {
      const account = accounts.load();
      if (account === undefined) throw new AcmeError("its account has just been removed");
      using client = new IssuerClient({ directoryUrl, ca: caOf(issuer) });
      return await work(client, account, accounts);
    });
    if (done === "busy") {
      call.err(`an order at ${name} is under way: try again when it has ended`);
      return 1;
    }
    call.out(`account: ${name} ${done.value}`);
    return 0;
  } catch (error) {
    call.err(`account: ${name} ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
