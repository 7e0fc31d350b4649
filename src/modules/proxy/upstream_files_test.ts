import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import type { Files } from "../../gateway/module.ts";
import { TestAuthority } from "../../net/testing/certificates.ts";
import { module as headers } from "../headers/module.ts";
import { module } from "./module.ts";
import {
  checkUpstreamFiles,
  proveUpstreamFiles,
  upstreamFiles,
  UpstreamMaterial,
} from "./upstream_files.ts";

const authority = new TestAuthority();
const a = authority.issue({ name: "a.test" });
const b = authority.issue({ name: "b.test" });

const CA = "/pem/ca.pem";
const CERT = "/pem/client.pem";
const KEY = "/pem/client.key";

const PROXY = `
upstream = "app.test:443"
upstream_tls = true
upstream_ca_path = "${CA}"
upstream_client_cert_path = "${CERT}"
upstream_client_key_path = "${KEY}"
`;

function configOf(text: string): Config {
  const { config, problems } = loadText(text, [...headers.schema, ...module.schema]);
  assert.deepEqual(problems, []);
  assert.ok(config !== undefined);
  return config;
}

const config = configOf(`[proxy]\n${PROXY}`);

function filesOf(texts: Readonly<Record<string, string>>): Files {
  const encoder = new TextEncoder();
  return new Map(Object.entries(texts).map(([path, text]) => [path, encoder.encode(text)]));
}

const FIT = { [CA]: authority.root, [CERT]: a.cert, [KEY]: a.key };

/** What is said of files that differ from those that are fit; warnings in brackets. */
function said(changed: Readonly<Record<string, string>>): string[] {
  return checkUpstreamFiles(config, filesOf({ ...FIT, ...changed }))
    .map(({ key, message, warning }) =>
      warning === true ? `(${key} ${message})` : `${key} ${message}`
    );
}

Deno.test("an authority and a client's pair that are fit raise no problem", () => {
  assert.deepEqual(said({}), []);
});

Deno.test("a client key of another certificate is refused", () => {
  assert.deepEqual(said({ [KEY]: b.key }), [
    `proxy.upstream_client_key_path ${KEY} is not the key of the certificate`,
  ]);
});

Deno.test("files that are no PEM are refused, each by its own key", () => {
  assert.deepEqual(said({ [CA]: "x", [CERT]: "x", [KEY]: "x" }), [
    `proxy.upstream_ca_path ${CA} has no PEM certificate in it`,
    `proxy.upstream_client_cert_path ${CERT} has no PEM certificate in it`,
    `proxy.upstream_client_key_path ${KEY} has no PEM private key in it`,
  ]);
});

Deno.test("a client certificate that has expired is a warning", () => {
  const old = authority.issue({ name: "a.test", notAfter: new Date(Date.now() - 60_000) });
  const [problem, ...others] = said({ [CERT]: old.cert, [KEY]: old.key });
  assert.match(problem, /^\(proxy\.upstream_client_cert_path .* expired on /);
  assert.deepEqual(others, []);
});

Deno.test("a client certificate that no upstream could be shown is refused", async () => {
  const unknown = authority.issue({ name: "a.test", criticalExtension: [0x2a, 0x03, 0x04] });
  const files = filesOf({ ...FIT, [CERT]: unknown.cert, [KEY]: unknown.key });
  const [problem, ...others] = await proveUpstreamFiles(config, files);
  assert.equal(problem.key, "proxy.upstream_client_cert_path");
  assert.match(problem.message, /^\/pem\/client\.pem cannot be served, .* extension 1\.2\.3\.4/);
  assert.deepEqual(others, []);
  assert.deepEqual(await proveUpstreamFiles(config, filesOf(FIT)), []);
});

Deno.test("of files that could not be read nothing is said here", () => {
  assert.deepEqual(checkUpstreamFiles(config, new Map()), []);
  assert.deepEqual(checkUpstreamFiles(config, filesOf({ [CERT]: "x" })), []);
});

Deno.test("the key of a vhost's and of a route's block is named", () => {
  const nested = configOf(`[[vhosts]]
name = "a"
hosts = ["a.test"]
[vhosts.proxy]
${PROXY}
[[vhosts.routes]]
name = "r"
path_prefix = "/r"
[vhosts.routes.proxy]
${PROXY}
`);
  const keys = checkUpstreamFiles(nested, filesOf({ ...FIT, [KEY]: b.key })).map(({ key }) => key);
  assert.deepEqual(keys, [
    "vhosts[0].proxy.upstream_client_key_path",
    "vhosts[0].routes[0].proxy.upstream_client_key_path",
  ]);
});

Deno.test("each file may have a mebibyte, and only the key is a secret", () => {
  const expected = [[CA, false], [CERT, false], [KEY, true]].map(([path, isPrivateKey]) => ({
    path,
    maxBytes: 1024 * 1024,
    isPrivateKey,
  }));
  assert.deepEqual(upstreamFiles(config).map(({ key: _, ...request }) => request), expected);
});

Deno.test("the dialler gets the bundle as it is, and the pair in the runtime's form", () => {
  const sec1 = createPrivateKey(a.key).export({ type: "sec1", format: "pem" }).toString();
  const material = new UpstreamMaterial(filesOf({ ...FIT, [KEY]: sec1 }));
  assert.equal(material.roots(CA), authority.root);
  assert.deepEqual(material.pair(CERT, KEY), { cert: a.cert, key: a.key });
});
