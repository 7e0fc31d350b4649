import assert from "node:assert/strict";
import { mergeTls } from "./merge.ts";
import type { TlsListenerSpec } from "./spec.ts";

const pair = (name: string) => ({ cert: `${name} cert`, key: `${name} key` });

const ONE: TlsListenerSpec = {
  material: {
    pairs: [pair("a"), pair("b")],
    fallback: 0,
    names: [["b.test", 1]],
    clientRoots: undefined,
  },
  alpn: ["h2", "http/1.1"],
  minVersion: "TLSv1.2",
  clientAuth: "off",
  needsFacts: false,
  fastListener: true,
  handshakeTimeoutMs: 5000,
};

const OTHER: TlsListenerSpec = {
  material: {
    pairs: [pair("c"), pair("a")],
    fallback: 0,
    names: [["c.test", 0], ["a.test", 1], ["b.test", 0]],
    clientRoots: "roots",
  },
  alpn: ["http/1.1", "acme-tls/1"],
  minVersion: "TLSv1.3",
  clientAuth: "optional",
  needsFacts: true,
  fastListener: false,
  handshakeTimeoutMs: 3000,
};

Deno.test("no part is no TLS, and one part is itself", () => {
  assert.equal(mergeTls([]), undefined);
  assert.equal(mergeTls([ONE]), ONE);
});

Deno.test("parts of several modules are all shown, and the strictest rules hold", () => {
  assert.deepEqual(mergeTls([ONE, OTHER]), {
    material: {
      pairs: [pair("a"), pair("b"), pair("c")],
      fallback: 0,
      names: [["b.test", 1], ["c.test", 2], ["a.test", 0]],
      clientRoots: "roots",
    },
    alpn: ["h2", "http/1.1", "acme-tls/1"],
    minVersion: "TLSv1.3",
    clientAuth: "optional",
    needsFacts: true,
    fastListener: false,
    handshakeTimeoutMs: 3000,
  });
});

Deno.test("the fallback is that of the first part that has one", () => {
  const none = { ...ONE, material: { ...ONE.material, fallback: undefined } };
  assert.equal(mergeTls([none, OTHER])?.material.fallback, 2);
});
