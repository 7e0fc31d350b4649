/** A certificate that an issuer has sent, looked at before it is installed. @module */
import type { KeyObject } from "node:crypto";
import { certificatesIn, checkPair } from "../../net/tls/key_pair.ts";
import { pairFault } from "../../net/tls/prove_pair.ts";
import { AcmeError } from "./client/acme_error.ts";
import type { StoredPair } from "./store/pair_store.ts";

/** What the certificate has to be. */
export interface Expectation {
  readonly domains: readonly string[];
  readonly key: KeyObject;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The certificate cannot be installed. */
export class UnfitCertificate extends AcmeError {
  /** @param isEarly It begins later by this clock, which may be behind: it may be fit at another time. */
  constructor(message: string, readonly isEarly: boolean) {
    super(message);
  }
}

/**
 * The pair of `chain`, if clients would take it for the names that were ordered.
 *
 * @throws {UnfitCertificate}
 */
export async function fitPair(
  chain: string,
  { domains, key, now }: Expectation,
): Promise<StoredPair> {
  const encoder = new TextEncoder();
  const cert = encoder.encode(chain);
  const privateKey = encoder.encode(key.export({ format: "pem", type: "pkcs8" }).toString());
  const { pair, findings } = checkPair(cert, privateKey, domains, now);
  const doubts = findings.map(({ message }) => message).join("; ");
  if (pair === undefined || doubts !== "") {
    const isEarly = pair !== undefined && certificatesIn(cert)[0].validFromDate.getTime() > now;
    throw new UnfitCertificate(`the certificate that was issued is not fit: it ${doubts}`, isEarly);
  }
  const fault = await pairFault(pair, undefined);
  if (fault !== undefined) {
    throw new UnfitCertificate(`the certificate that was issued ${fault}`, false);
  }
  return { cert: encoder.encode(pair.cert), key: privateKey };
}
