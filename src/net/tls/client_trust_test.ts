import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";
import { ClientTrust } from "./client_trust.ts";
import { TestAuthority } from "../testing/certificates.ts";

const ROOT = new TestAuthority("Root");
const MIDDLE = new TestAuthority("Middle", ROOT);
const LOW = new TestAuthority("Low", MIDDLE);
const OTHER = new TestAuthority("Root");

/** A client's certificate with what it sent after it, as `getPeerCertificate(true)` returns it. */
function peer(...chain: readonly string[]): DetailedPeerCertificate {
  const told = chain.map((pem) => {
    const certificate = new X509Certificate(pem);
    return { raw: certificate.raw, fingerprint256: certificate.fingerprint256 };
  });
  // The last one is its own issuer, as a root is.
  told.forEach((one, i) => Object.assign(one, { issuerCertificate: told[i + 1] ?? one }));
  return told[0] as unknown as DetailedPeerCertificate;
}

const DAY_MS = 86_400_000;
const client = ROOT.issue({ name: "client" }).cert;
const deep = LOW.issue({ name: "deep" }).cert;
const imposter = new TestAuthority("Imposter");
const PRETENDER = new TestAuthority("Pretender", ROOT, false);

const CASES: readonly (readonly [what: string, holds: boolean, roots: string, chain: string[]])[] =
  [
    ["one of the root's own", true, ROOT.root, [client]],
    ["one that sends the root along", true, ROOT.root, [client, ROOT.root]],
    ["one of several roots", true, OTHER.root + ROOT.root, [client]],
    ["another root of the same name", false, OTHER.root, [client]],
    ["another root of the same name, with the true one sent along", false, OTHER.root, [
      client,
      ROOT.root,
    ]],
    ["a chain of two", true, ROOT.root, [deep, LOW.root, MIDDLE.root]],
    ["a chain out of order", true, ROOT.root, [deep, MIDDLE.root, LOW.root]],
    ["a chain with a gap", false, ROOT.root, [deep, LOW.root]],
    ["a chain to a root in the middle", true, MIDDLE.root, [deep, LOW.root]],
    ["the certificate itself is trusted", true, client, [client]],
    ["an unknown authority", false, ROOT.root, [imposter.issue({ name: "x" }).cert]],
    ["one issued by who may not issue", false, ROOT.root, [
      PRETENDER.issue({ name: "x" }).cert,
      PRETENDER.root,
    ]],
    ["one whose time is over", false, ROOT.root, [
      ROOT.issue({ name: "old", notAfter: new Date(Date.now() - DAY_MS) }).cert,
    ]],
    ["one whose time is to come", false, ROOT.root, [
      ROOT.issue({ name: "new", notBefore: new Date(Date.now() + DAY_MS) }).cert,
    ]],
  ];

for (const [what, holds, roots, chain] of CASES) {
  Deno.test(`${holds ? "trusted" : "not trusted"}: ${what}`, () => {
    const trust = new ClientTrust(roots);
    for (let i = 0; i < 3; i++) assert.equal(trust.holds(peer(...chain)), holds);
  });
}

Deno.test("what cannot be read is not trusted", () => {
  const garbled = Object.assign(peer(client), { raw: new Uint8Array(20) });
  assert.equal(new ClientTrust(ROOT.root).holds(garbled), false);
});

Deno.test("trust that was found ends with the certificate", () => {
  const notAfter = new Date(Date.now() + DAY_MS);
  const short = peer(ROOT.issue({ name: "short", notAfter }).cert);
  const trust = new ClientTrust(ROOT.root);
  assert.equal(trust.holds(short), true);
  const real = Date.now;
  try {
    Date.now = () => notAfter.getTime() + 1_000;
    assert.equal(trust.holds(short), false);
  } finally {
    Date.now = real;
  }
});
