import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { ClientTrust } from "./client_trust.ts";
import { TestAuthority } from "../testing/certificates.ts";
import { tlsFactsOf } from "./facts.ts";

const OURS = new TestAuthority("Ours");
const THEIRS = new TestAuthority("Theirs");

interface Session {
  readonly cert?: string;
  readonly authorized?: boolean;
  readonly isReused?: boolean;
}

/** A socket as the library leaves it after a handshake. */
function socketOf({ cert, authorized = true, isReused = false }: Session): TLSSocket {
  const certificate = cert === undefined ? undefined : new X509Certificate(cert);
  const peer = certificate === undefined ? {} : {
    raw: certificate.raw,
    fingerprint256: certificate.fingerprint256,
    serialNumber: certificate.serialNumber,
    subject: {},
  };
  return {
    authorized,
    getPeerCertificate: () => peer,
    isSessionReused: () => isReused,
    getProtocol: () => "TLSv1.3",
    getCipher: () => ({ name: "TLS_AES_256_GCM_SHA384" }),
  } as unknown as TLSSocket;
}

const trust = new ClientTrust(OURS.root);
const ours = OURS.issue({ name: "ours" }).cert;
const theirs = THEIRS.issue({ name: "theirs" }).cert;

const CASES:
  readonly (readonly [what: string, rule: "off" | "optional" | "required", Session, boolean])[] = [
    ["no certificate was asked for", "off", { cert: theirs, isReused: true }, true],
    ["none, and none is needed", "optional", {}, true],
    ["none, in a session from elsewhere", "required", { isReused: true, authorized: false }, false],
    ["one that verified", "required", { cert: ours }, true],
    ["one that did not verify", "optional", { cert: ours, authorized: false }, false],
    ["one that verified once and does", "required", { cert: ours, isReused: true }, true],
    [
      "one that verified once and does no more",
      "optional",
      { cert: theirs, isReused: true },
      false,
    ],
  ];

for (const [what, rule, session, isServed] of CASES) {
  Deno.test(`client certificate ${rule}: ${what}: ${isServed ? "served" : "refused"}`, () => {
    const asked = rule === "off" ? undefined : { optional: rule === "optional", trust };
    assert.equal(tlsFactsOf(socketOf(session), asked, "") !== undefined, isServed);
  });
}
