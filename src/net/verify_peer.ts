/** What is wrong with the certificate of a TLS peer, in words an operator understands. @module */
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** A certificate that no trusted root stands for, or that is not valid now. */
export class UntrustedCertificate extends Error {
  readonly code = "CERT_UNTRUSTED";

  /** @param now Milliseconds since 1970. */
  constructor(certificate: PeerCertificate, now: number) {
    super(validityProblem(certificate, now) ?? chainProblem(certificate));
    this.name = "UntrustedCertificate";
  }
}

/** The error of a certificate that has none of `names`; none when there is nothing to verify. */
export function nameProblem(
  names: readonly string[],
  certificate: PeerCertificate,
): Error | undefined {
  let first: Error | undefined;
  for (const name of names) {
    const error = checkServerIdentity(name, certificate);
    if (error === undefined) return undefined;
    first ??= error;
  }
  return first;
}

function validityProblem(certificate: PeerCertificate, now: number): string | undefined {
  const { valid_from: from, valid_to: to } = certificate;
  if (Date.parse(to) < now) return `its certificate expired on ${to}`;
  if (Date.parse(from) > now) return `its certificate is not valid before ${from}`;
  return undefined;
}

function chainProblem({ issuer }: PeerCertificate): string {
  const name = issuer?.CN ?? issuer?.O ?? "an unnamed authority";
  return `its certificate, issued by "${name}", does not lead to a trusted root`;
}
