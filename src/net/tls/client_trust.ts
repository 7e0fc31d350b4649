/**
 * Whether clients' certificates still lead to a trusted root. A handshake is verified by the library. One
 * that resumes a session is not: the ticket says whose certificate was verified once, under whatever roots
 * counted then, and the library takes it at every listener of the process for as long as tickets live.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";

/** Most certificates between a client's and a root. */
const MAX_DEPTH = 8;
/** Most certificates whose outcome is remembered; a look costs as much as a handshake. */
const MAX_REMEMBERED = 1_024;

/** The roots of one configuration. */
export class ClientTrust {
  readonly #roots: readonly X509Certificate[];
  /** Certificates that were found trusted, by fingerprint, and until when that holds (Unix ms). */
  readonly #trusted = new Map<string, number>();

  /** @param bundle PEM, one certificate or more; they were checked when the configuration was loaded. */
  constructor(bundle: string) {
    this.#roots = (bundle.match(PEM_CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
  }

  /** Whether `peer`, with the chain it came with, leads to one of the roots, all of it in its time. */
  holds(peer: DetailedPeerCertificate): boolean {
    const now = Date.now();
    const until = this.#trusted.get(peer.fingerprint256);
    if (until !== undefined && now <= until) return true;
    const found = this.#look(peer, now);
    if (found === undefined) {
      this.#trusted.delete(peer.fingerprint256);
      return false;
    }
    if (this.#trusted.size >= MAX_REMEMBERED) this.#trusted.clear();
    this.#trusted.set(peer.fingerprint256, found);
    return true;
  }

  /** Until when `peer` leads to a root; `undefined` when it does not, or cannot be read. */
  #look(peer: DetailedPeerCertificate, now: number): number | undefined {
    try {
      return this.#verify(new X509Certificate(peer.raw), chainOf(peer), now);
    } catch {
      // The library has read it once, but what it made of it is not for us to know.
      return undefined;
    }
  }

  /** Until when a path from `leaf` to a root holds; `undefined` when there is none now. */
  #verify(
    leaf: X509Certificate,
    chain: readonly X509Certificate[],
    now: number,
  ): number | undefined {
    let until = Infinity;
    let current = leaf;
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      if (now < Date.parse(current.validFrom) || now > Date.parse(current.validTo)) {
        return undefined;
      }
      until = Math.min(until, Date.parse(current.validTo));
      const subject = current;
      if (this.#roots.some((root) => root.raw.equals(subject.raw) || issued(root, subject))) {
        return until;
      }
      const next = chain.find((issuer) => issuer.ca && issued(issuer, subject));
      if (next === undefined) return undefined;
      current = next;
    }
    return undefined;
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

/** Certificates that a client sent after its own. */
function chainOf(peer: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let issuer: DetailedPeerCertificate | undefined = peer.issuerCertificate;
  while (issuer?.raw !== undefined && chain.length < MAX_DEPTH) {
    chain.push(new X509Certificate(issuer.raw));
    // A root is its own issuer.
    if (issuer.issuerCertificate === issuer) break;
    issuer = issuer.issuerCertificate;
  }
  return chain;
}
