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

/** A certificate that is for none of the names that were asked for. */
export class MisnamedCertificate extends Error {
  /** As `node:tls` says it. */
  readonly code = "ERR_TLS_CERT_ALTNAME_INVALID";

  /** @param names What would have been accepted; not empty. */
  constructor(certificate: PeerCertificate, names: readonly string[]) {
    const wanted = names.map((name) => `"${name}"`).join(" or ");
    super(`its certificate is for ${namesOf(certificate)}, not for ${wanted}`);
    this.name = "MisnamedCertificate";
  }
}

/** The error of a certificate that has none of `names`; none when there is nothing to verify. */
export function nameProblem(
  names: readonly string[],
  certificate: PeerCertificate,
): Error | undefined {
  if (names.length === 0) return undefined;
  const isNamed = names.some((name) => checkServerIdentity(name, certificate) === undefined);
  return isNamed ? undefined : new MisnamedCertificate(certificate, names);
}

/** Names that a certificate is for: alternative names count, the subject only where there are none. */
function namesOf({ subject, subjectaltname }: PeerCertificate): string {
  return subjectaltname ?? subject?.CN ?? "an unnamed subject";
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
