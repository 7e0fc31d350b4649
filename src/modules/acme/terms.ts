/** Agreement to an issuer's terms of service, asked for when an account is made (RFC 8555 section 7.3). @module */
import { AcmeError, shown } from "./client/acme_error.ts";

const MAX_URL_CHARS = 2048;

/** What {@linkcode isTermsUrl} asks for. */
export const TERMS_URL_RULE = "must be an http:// or https:// URL without white space";

/** What an operator has said of an issuer's terms. */
export interface Terms {
  readonly agreed: boolean;
  /** The only ones that are agreed to. */
  readonly url?: string;
  /** Also where the issuer advertises none. */
  readonly allowUnadvertised: boolean;
}

/** Of issuers that have no table: managing certificates with them is the agreement. */
export const BUILT_IN_TERMS: Terms = { agreed: true, allowUnadvertised: false };

/** Whether `text` can be the address of terms. */
export function isTermsUrl(text: string): boolean {
  return text.length <= MAX_URL_CHARS && /^https?:\/\/[^\s/]+\S*$/.test(text) && URL.canParse(text);
}

/**
 * The `termsOfServiceAgreed` of a new account.
 *
 * @param advertised Address of the terms in its directory.
 * @throws {AcmeError} Where an account would take more agreement than was given.
 */
export function agreement(
  { agreed, url, allowUnadvertised }: Terms,
  advertised: string | undefined,
): boolean {
  if (!agreed) {
    if (advertised === undefined) return false;
    throw new AcmeError(
      `it has terms of service (${shown(advertised)}), and terms_of_service_agreed is false`,
    );
  }
  if (url === undefined || url === advertised) return true;
  if (advertised !== undefined) {
    throw new AcmeError(
      `its terms of service are ${shown(advertised)}, and not those of terms_of_service_url`,
    );
  }
  if (allowUnadvertised) return true;
  throw new AcmeError(
    "it advertises no terms of service, and terms_of_service_url asks for those: set " +
      "allow_unadvertised_terms_of_service to make an account without",
  );
}
