import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { criticalExtensions } from "./critical_extensions.ts";
import { TestAuthority } from "../testing/certificates.ts";

const authority = new TestAuthority();
const derOf = (pem: string) => new X509Certificate(pem).raw;

Deno.test("critical extensions are reported by their dotted identifiers", () => {
  const criticalExtension = [0x88, 0x37, 0x03];
  const { cert } = authority.issue({ name: "a.test", criticalExtension });
  assert.deepEqual(criticalExtensions(derOf(cert)), ["2.999.3"]);
  assert.deepEqual(criticalExtensions(derOf(authority.root)), ["2.5.29.19"]);
});

Deno.test("extensions that are not critical, and what is not a certificate, come to nothing", () => {
  const { cert } = authority.issue({ name: "a.test" });
  assert.deepEqual(criticalExtensions(derOf(cert)), []);
  const der = derOf(cert);
  for (let length = 0; length < der.length; length++) {
    assert.deepEqual(criticalExtensions(der.subarray(0, length)), []);
  }
});
