/** The account at an issuer, made where there is none (RFC 8555 section 7.3). @module */
import { AcmeError } from "./client/acme_error.ts";
import type { IssuerClient } from "./client/issuer_client.ts";
import { bindingOf } from "./client/jose.ts";
import type { Issuer } from "./issuers.ts";
import { readBinding } from "./secrets.ts";
import type { Account, AccountStore } from "./store/account_store.ts";
import { agreement, BUILT_IN_TERMS } from "./terms.ts";

/** The stored account, or a new one; to be called by one process at a time. */
export async function madeAccount(
  client: IssuerClient,
  issuer: Issuer,
  accounts: AccountStore,
  email: string,
): Promise<Account> {
  const known = accounts.load();
  if (known !== undefined) return known;
  const { newAccount, externalAccountRequired, termsOfService } = await client.directory();
  const termsOfServiceAgreed = agreement(issuer.terms ?? BUILT_IN_TERMS, termsOfService);
  if (externalAccountRequired && issuer.eab === undefined) {
    throw new AcmeError(
      "it asks for an external account binding: set tls.acme.issuers.eab with what it has given you",
    );
  }
  const key = accounts.draft();
  const binding = issuer.eab === undefined
    ? {}
    : { externalAccountBinding: bindingOf(key, readBinding(issuer.eab), newAccount) };
  const { location } = await client.post(newAccount, {
    termsOfServiceAgreed,
    contact: [`mailto:${email}`],
    ...binding,
  }, { key });
  if (location === undefined) throw new AcmeError("its answer about an account has no location");
  const account = { key, id: location };
  accounts.save(account);
  return account;
}
