/**
 * Certificate signing requests (RFC 2986) with names in the extension that certificates have them in (RFC 5280
 * section 4.2.1.6), written by hand: the runtime has keys and signatures and no such requests.
 *
 * @module
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OID = 0x06;
/** `[0]`: attributes of a request. */
const ATTRIBUTES = 0xa0;
/** `[2]`, a name of the DNS. */
const DNS_NAME = 0x82;

/** `extensionRequest`, of PKCS #9. */
const EXTENSION_REQUEST = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
/** `subjectAltName`. */
const ALTERNATIVE_NAMES = [0x55, 0x1d, 0x11];
const ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA384 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const RSA_SHA256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

/**
 * A request for a certificate.
 *
 * @param names Of the DNS, in ASCII; wildcards are names like others.
 * @returns DER.
 */
export function signingRequest(key: KeyObject, names: readonly string[]): Uint8Array<ArrayBuffer> {
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
  const alternatives = tlv(
    SEQUENCE,
    ...names.map((name) => tlv(DNS_NAME, new TextEncoder().encode(name))),
  );
  const extension = tlv(SEQUENCE, oid(ALTERNATIVE_NAMES), tlv(OCTET_STRING, alternatives));
  const body = tlv(
    SEQUENCE,
    tlv(INTEGER, Uint8Array.of(0)),
    // No subject: names are in the extension alone.
    tlv(SEQUENCE),
    publicKey,
    tlv(
      ATTRIBUTES,
      tlv(SEQUENCE, oid(EXTENSION_REQUEST), tlv(SET, tlv(SEQUENCE, extension))),
    ),
  );
  const { digest, algorithm } = algorithmOf(key);
  const signature = sign(digest, body, key);
  return tlv(SEQUENCE, body, algorithm, tlv(BIT_STRING, Uint8Array.of(0), signature));
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === "rsa") {
    return { digest: "sha256", algorithm: tlv(SEQUENCE, oid(RSA_SHA256), tlv(NULL)) };
  }
  return asymmetricKeyDetails?.namedCurve === "secp384r1"
    ? { digest: "sha384", algorithm: tlv(SEQUENCE, oid(ECDSA_SHA384)) }
    : { digest: "sha256", algorithm: tlv(SEQUENCE, oid(ECDSA_SHA256)) };
}

function oid(octets: readonly number[]): Uint8Array<ArrayBuffer> {
  return tlv(OID, Uint8Array.from(octets));
}

/** One value of DER, of `parts` in their order. */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag];
  if (length < 0x80) head.push(length);
  else if (length < 0x100) head.push(0x81, length);
  else head.push(0x82, length >> 8, length & 0xff);
  const value = new Uint8Array(head.length + length);
  value.set(head);
  let at = head.length;
  for (const part of parts) {
    value.set(part, at);
    at += part.length;
  }
  return value;
}
