import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { TestAuthority } from "../testing/certificates.ts";
import { certificatesIn, checkPair, PemError } from "./key_pair.ts";

const authority = new TestAuthority();
const NOW = Date.now();
const bytes = (text: string) => new TextEncoder().encode(text);

/** What is reported about a pair, warnings in brackets. */
function said(cert: string, key: string, hosts: readonly string[] = []): string[] {
  return checkPair(bytes(cert), bytes(key), hosts, NOW).findings
    .map(({ file, message, warning }) => `${file} ${warning ? `(${message})` : message}`);
}

Deno.test("certificates and keys of every supported kind are fit", () => {
  for (const algorithm of ["P-256", "RSA", "Ed25519"] as const) {
    const { cert, key } = authority.issue({ name: "a.test", algorithm });
    const { pair, findings } = checkPair(bytes(cert), bytes(key), ["a.test"], NOW);
    assert.deepEqual(findings, []);
    assert.deepEqual(pair, { cert, key });
  }
});

Deno.test("older key forms and text around the blocks come out in one form", () => {
  const { cert, key } = authority.issue({ name: "a.test" });
  const sec1 = createPrivateKey(key).export({ type: "sec1", format: "pem" }).toString();
  const params = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const wordy = `subject=CN = a.test\n${cert}\nissuer: nobody\n${authority.root}trailing`;
  const { pair, findings } = checkPair(bytes(wordy), bytes(params + sec1), [], NOW);
  assert.deepEqual(findings, []);
  assert.deepEqual(pair, { cert: cert + authority.root, key });
});

Deno.test("a key of another certificate is refused", () => {
  const { cert } = authority.issue({ name: "a.test" });
  const { key } = authority.issue({ name: "a.test" });
  assert.deepEqual(said(cert, key), ["key is not the key of the certificate"]);
  assert.equal(checkPair(bytes(cert), bytes(key), [], NOW).pair, undefined);
});

Deno.test("what is not PEM is refused, each file by itself", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const noKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  assert.deepEqual(said("", ""), [
    "cert has no PEM certificate in it",
    "key has no PEM private key in it",
  ]);
  assert.deepEqual(said(broken, noKey), [
    "cert is malformed in its certificate 1",
    "key is malformed",
  ]);
  const { cert, key } = authority.issue({ name: "a.test" });
  assert.deepEqual(said(cert + broken, key), ["cert is malformed in its certificate 2"]);
  assert.deepEqual(said(key, cert), [
    "cert has no PEM certificate in it",
    "key has no PEM private key in it",
  ]);
});

Deno.test("an encrypted key is refused", () => {
  const { cert, key } = authority.issue({ name: "a.test" });
  const encrypted = createPrivateKey(key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "secret",
  }).toString();
  assert.match(said(cert, encrypted)[0], /^key is encrypted/);
  const old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n" +
    "-----END RSA PRIVATE KEY-----\n";
  assert.match(said(cert, old)[0], /^key is encrypted/);
});

Deno.test("keys the runtime could not serve with are refused", () => {
  const { cert } = authority.issue({ name: "a.test" });
  const pem = { type: "pkcs8", format: "pem" } as const;
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export(pem);
  const curve = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey.export(pem);
  assert.match(said(cert, short.toString())[0], /^key is an RSA key of 1024 bits/);
  assert.match(said(cert, curve.toString())[0], /^key is on the curve secp256k1/);
});

Deno.test("a certificate that is not valid now serves with a warning", () => {
  const day = 86_400_000;
  const expired = authority.issue({ name: "a.test", notAfter: new Date(NOW - day) });
  const early = authority.issue({ name: "a.test", notBefore: new Date(NOW + day) });
  assert.match(said(expired.cert, expired.key)[0], /^cert \(expired on .*\)$/);
  assert.match(said(early.cert, early.key)[0], /^cert \(is not valid before .*\)$/);
  assert.ok(checkPair(bytes(expired.cert), bytes(expired.key), [], NOW).pair !== undefined);
});

Deno.test("names the certificate does not have are reported", () => {
  const names = ["a.test", "*.b.test", "192.0.2.1"];
  const { cert, key } = authority.issue({ name: "a.test", names });
  assert.deepEqual(said(cert, key, ["a.test", "x.b.test", "*.b.test", "192.0.2.1"]), []);
  assert.deepEqual(said(cert, key, ["a.test", "b.test", "*.a.test", "192.0.2.2"]), [
    "cert (is not for b.test, *.a.test, 192.0.2.2)",
  ]);
});

Deno.test("a chain in the wrong order is reported", () => {
  const { cert, key } = authority.issue({ name: "a.test" });
  const other = new TestAuthority("Another").root;
  assert.deepEqual(said(cert + authority.root, key), []);
  assert.deepEqual(said(cert + other, key), [
    "cert (is out of order: its certificate 2 did not issue the one before it)",
  ]);
});

Deno.test("a bundle gives its certificates in order", () => {
  const other = new TestAuthority("Another");
  const found = certificatesIn(bytes(authority.root + other.root));
  assert.deepEqual(found.map(({ subject }) => subject), ["CN=Test Authority", "CN=Another"]);
  assert.throws(() => certificatesIn(bytes("nothing")), PemError);
});

Deno.test("signatures that clients have stopped to trust are a warning, but for a root's own", () => {
  const { cert, key } = authority.issue({ name: "a.test", digest: "sha1" });
  assert.deepEqual(said(cert, key), ["cert (is signed with SHA-1, which clients refuse)"]);
  const { cert: leaf, key: fit } = authority.issue({ name: "b.test" });
  assert.deepEqual(said(leaf + cert, fit).slice(0, 1), [
    "cert (has its certificate 2 signed with SHA-1, which clients refuse)",
  ]);
  assert.deepEqual(said(leaf + authority.root, fit), []);
});
