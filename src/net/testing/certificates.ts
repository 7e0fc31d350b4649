/**
 * Certificates for tests: an authority made on the spot and what it issues. X.509 by hand (RFC 5280),
 * because the runtime can read certificates but not make them, and tests should not need `openssl`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { parseIp } from "../ip.ts";

/** A certificate and its key, as PEM text. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 over the DER, lower-case hex. */
  readonly sha256: string;
  /** Upper-case hex. */
  readonly serial: string;
}

/** What a certificate shall say. */
export interface Subject {
  readonly name: string;
  readonly organization?: string;
  /** DNS names and IP addresses; `name` unless given. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly algorithm?: "P-256" | "RSA" | "Ed25519";
  /** Object identifier (DER octets) of a critical extension that is not known. */
  readonly criticalExtension?: readonly number[];
  /** `sha256` unless given. */
  readonly digest?: "sha1";
}

const DAY_MS = 86_400_000;

/** A certificate authority of one test. */
export class TestAuthority {
  readonly #keys: KeyPair;
  readonly #subject: Uint8Array;
  /** The authority's own certificate, PEM: a root, unless it is below another authority. */
  readonly root: string;

  /** @param mayIssue Without it what it issues is worth nothing. */
  constructor(name = "Test Authority", above?: TestAuthority, mayIssue = true) {
    this.#keys = keyPair("P-256");
    this.#subject = nameOf({ name });
    this.root = pem(
      "CERTIFICATE",
      (above ?? this).#certificate(this.#subject, this.#keys.publicKey, serialNumber(), {}, [
        extension(
          [0x55, 0x1d, 0x13],
          tlv(0x30, Uint8Array.of(...mayIssue ? [0x01, 0x01, 0xff] : [])),
          true,
        ),
      ]),
    );
  }

  /** Issues a certificate for servers and clients alike. */
  issue(subject: Subject): Issued {
    const keys = keyPair(subject.algorithm ?? "P-256");
    const serial = serialNumber();
    const names = (subject.names ?? [subject.name]).map(alternativeName);
    const unknown = subject.criticalExtension;
    const der = this.#certificate(nameOf(subject), keys.publicKey, serial, subject, [
      extension([0x55, 0x1d, 0x11], tlv(0x30, ...names), false),
      ...unknown === undefined ? [] : [extension(unknown, text(0x0c, "x"), true)],
    ]);
    return {
      cert: pem("CERTIFICATE", der),
      key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      sha256: createHash("sha256").update(der).digest("hex"),
      serial: Buffer.from(serial).toString("hex").toUpperCase(),
    };
  }

  /**
   * Certifies a key that is not its own: the certificate, PEM.
   *
   * @param authorityKey Identifier of its own key, where the certificate is to have one.
   */
  certify(publicKey: KeyObject, subject: Subject, authorityKey?: Uint8Array): string {
    const names = (subject.names ?? [subject.name]).map(alternativeName);
    const der = this.#certificate(nameOf(subject), publicKey, serialNumber(), subject, [
      extension([0x55, 0x1d, 0x11], tlv(0x30, ...names), false),
      ...authorityKey === undefined
        ? []
        : [extension([0x55, 0x1d, 0x23], tlv(0x30, tlv(0x80, authorityKey)), false)],
    ]);
    return pem("CERTIFICATE", der);
  }

  #certificate(
    subject: Uint8Array,
    publicKey: KeyObject,
    serial: Uint8Array,
    { notBefore, notAfter, digest }: Pick<Subject, "notBefore" | "notAfter" | "digest">,
    extensions: readonly Uint8Array[],
  ): Uint8Array {
    const now = Date.now();
    const ecdsaWith = digest === undefined ? [0x04, 0x03, 0x02] : [0x04, 0x01];
    const signature = tlv(0x30, oid([0x2a, 0x86, 0x48, 0xce, 0x3d, ...ecdsaWith]));
    const body = tlv(
      0x30,
      tlv(0xa0, tlv(0x02, Uint8Array.of(2))),
      tlv(0x02, serial),
      signature,
      this.#subject,
      tlv(
        0x30,
        time(notBefore ?? new Date(now - DAY_MS)),
        time(notAfter ?? new Date(now + 30 * DAY_MS)),
      ),
      subject,
      publicKey.export({ type: "spki", format: "der" }),
      tlv(0xa3, tlv(0x30, ...extensions)),
    );
    const signed = sign(digest ?? "sha256", body, this.#keys.privateKey);
    return tlv(0x30, body, signature, tlv(0x03, Uint8Array.of(0), signed));
  }
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function keyPair(algorithm: "P-256" | "RSA" | "Ed25519"): KeyPair {
  switch (algorithm) {
    case "P-256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "RSA":
      return generateKeyPairSync("rsa", { modulusLength: 2048 });
    case "Ed25519":
      return generateKeyPairSync("ed25519");
  }
}

/** Positive and of the shortest form, whatever the first random bits are. */
function serialNumber(): Uint8Array {
  const serial = new Uint8Array(randomBytes(8));
  serial[0] = serial[0] & 0x3f | 0x40;
  return serial;
}

/** One DER element: tag, length, contents. */
function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(contents);
  const size = value.length;
  const head = size < 128
    ? [tag, size]
    : size < 256
    ? [tag, 0x81, size]
    : [tag, 0x82, size >> 8, size & 255];
  return Uint8Array.of(...head, ...value);
}

function oid(bytes: readonly number[]): Uint8Array {
  return tlv(0x06, Uint8Array.from(bytes));
}

function text(tag: number, value: string): Uint8Array {
  return tlv(tag, new TextEncoder().encode(value));
}

function nameOf({ name, organization }: Pick<Subject, "name" | "organization">): Uint8Array {
  const attribute = (type: number, value: string) =>
    tlv(0x31, tlv(0x30, oid([0x55, 0x04, type]), text(0x0c, value)));
  const parts = [attribute(3, name)];
  if (organization !== undefined) parts.unshift(attribute(10, organization));
  return tlv(0x30, ...parts);
}

function alternativeName(name: string): Uint8Array {
  const words = new Uint32Array(4);
  const family = parseIp(name, words);
  if (family === 0) return text(0x82, name);
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < bytes.length / 4; i++) view.setUint32(4 * i, words[i]);
  return tlv(0x87, bytes);
}

function extension(id: readonly number[], value: Uint8Array, critical: boolean): Uint8Array {
  const flag = critical ? [tlv(0x01, Uint8Array.of(0xff))] : [];
  return tlv(0x30, oid(id), ...flag, tlv(0x04, value));
}

/** UTCTime, which is right until 2049. */
function time(date: Date): Uint8Array {
  return text(0x17, date.toISOString().replace(/[-:T]|\.\d+/g, "").slice(2));
}

function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
