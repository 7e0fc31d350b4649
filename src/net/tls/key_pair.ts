/**
 * Certificates and keys as files hold them: read, checked to belong together, and brought into the one
 * form that the TLS servers and the client of the runtime take. They would accept garbage and mismatched
 * pairs and fail in every handshake instead.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { checkServerIdentity } from "node:tls";
import type { KeyPair } from "./spec.ts";

const MIN_RSA_BITS = 2048;
/** OpenSSL's names of P-256, P-384 and P-521. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
/** Signatures that clients have stopped to trust, by object identifier. */
const BROKEN_SIGNATURES: ReadonlyMap<unknown, string> = new Map([
  ["1.2.840.113549.1.1.4", "MD5"],
  ["1.2.840.113549.1.1.5", "SHA-1"],
  ["1.2.840.10045.4.1", "SHA-1"],
]);

/** Something about a pair, as the rest of a sentence that begins with the file's path. */
export interface Finding {
  /** Which of the two files it is about. */
  readonly file: "cert" | "key";
  readonly message: string;
  /** It serves, but not as is expected. */
  readonly warning: boolean;
}

/** A pair, unless one of the findings speaks against it. */
export interface CheckedPair {
  readonly pair: KeyPair | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Checks a pair.
 *
 * @param hosts Names and `*.suffix` patterns the certificate will be shown for.
 * @param now Milliseconds since 1970.
 */
export function checkPair(
  certFile: Uint8Array,
  keyFile: Uint8Array,
  hosts: readonly string[],
  now: number,
): CheckedPair {
  const findings: Finding[] = [];
  const chain = attempt(() => certificatesIn(certFile));
  const key = attempt(() => keyIn(keyFile));
  if (typeof chain === "string") findings.push({ file: "cert", message: chain, warning: false });
  if (typeof key === "string") findings.push({ file: "key", message: key, warning: false });
  if (typeof chain === "string" || typeof key === "string") return { pair: undefined, findings };
  if (!chain[0].checkPrivateKey(key)) {
    const message = "is not the key of the certificate";
    return { pair: undefined, findings: [{ file: "key", message, warning: false }] };
  }
  for (const message of doubts(chain, hosts, now)) {
    findings.push({ file: "cert", message, warning: true });
  }
  const pair = {
    cert: chain.map(pemOf).join(""),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  return { pair, findings };
}

/**
 * The certificates of a PEM file, in its order; at least one. Text between them is ignored.
 *
 * @throws {PemError}
 */
export function certificatesIn(file: Uint8Array): readonly [X509Certificate, ...X509Certificate[]] {
  const certificates: X509Certificate[] = [];
  for (const [block] of text(file).matchAll(CERTIFICATE)) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      throw new PemError(`is malformed in its certificate ${certificates.length + 1}`);
    }
  }
  const [first, ...rest] = certificates;
  if (first === undefined) throw new PemError("has no PEM certificate in it");
  return [first, ...rest];
}

/** The certificates of a PEM file as text, without what is between them. */
export function pemOf(certificate: X509Certificate): string {
  const lines = certificate.raw.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** A PEM file that cannot be used; the message goes on after its path. */
export class PemError extends Error {}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^]*?-----END \1-----/;

function keyIn(file: Uint8Array): KeyObject {
  const [block, label] = PRIVATE_KEY.exec(text(file)) ?? [];
  if (block === undefined) throw new PemError("has no PEM private key in it");
  if (label === "ENCRYPTED PRIVATE KEY" || block.includes("Proc-Type: 4,ENCRYPTED")) {
    throw new PemError("is encrypted, and its passphrase cannot be entered; store it decrypted");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(block);
  } catch {
    throw new PemError("is malformed");
  }
  const unfit = unfitness(key);
  if (unfit !== undefined) throw new PemError(unfit);
  return key;
}

/** Why the runtime could not serve with `key`. */
function unfitness(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return undefined;
    case "rsa":
      return modulusLength >= MIN_RSA_BITS
        ? undefined
        : `is an RSA key of ${modulusLength} bits; at least ${MIN_RSA_BITS} are needed`;
    case "ec":
      return CURVES.includes(namedCurve)
        ? undefined
        : `is on the curve ${namedCurve}; P-256, P-384 and P-521 are supported`;
    default:
      return `is a ${key.asymmetricKeyType} key; RSA, ECDSA and Ed25519 are supported`;
  }
}

/** What clients will not like, though the pair serves. */
function* doubts(
  [leaf, ...rest]: readonly [X509Certificate, ...X509Certificate[]],
  hosts: readonly string[],
  now: number,
): Generator<string> {
  if (leaf.validToDate.getTime() < now) yield `expired on ${leaf.validTo}`;
  if (leaf.validFromDate.getTime() > now) yield `is not valid before ${leaf.validFrom}`;
  const certificate = leaf.toLegacyObject();
  // A pattern is covered by the same pattern.
  const missing = hosts.filter((host) => checkServerIdentity(host, certificate) !== undefined);
  if (missing.length > 0) yield `is not for ${missing.join(", ")}`;
  for (const [index, certificate] of [leaf, ...rest].entries()) {
    // The runtime has it, and its types do not.
    const broken = BROKEN_SIGNATURES.get(Reflect.get(certificate, "signatureAlgorithmOid"));
    // The signature of a root is not checked.
    if (broken === undefined || (index > 0 && certificate.issuer === certificate.subject)) continue;
    const which = index === 0 ? "is signed" : `has its certificate ${index + 1} signed`;
    yield `${which} with ${broken}, which clients refuse`;
  }
  let below = leaf;
  for (const [index, issuer] of rest.entries()) {
    if (below.issuer !== issuer.subject) {
      yield `is out of order: its certificate ${index + 2} did not issue the one before it`;
      return;
    }
    below = issuer;
  }
}

function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof PemError) return error.message;
    throw error;
  }
}

function text(file: Uint8Array): string {
  return new TextDecoder("latin1").decode(file);
}
