/** `fluxheim acme-init` (spec 05 section 6.13). */
import assert from "node:assert/strict";
import { newDirectory, putFile } from "../../../config/testing/files.ts";
import { loadText } from "../../../config/load.ts";
import { module as tls } from "../../tls/module.ts";
import { module } from "../module.ts";
import { init } from "./init.ts";

/** Runs the command with directories of the test's own. */
function run(directory: string, issuer: string, given: Readonly<Record<string, string | true>>) {
  const out: string[] = [];
  const err: string[] = [];
  const options: Readonly<Record<string, string | true>> = {
    "non-interactive": true,
    "email": "admin@shop.test",
    "output": `${directory}/conf.d/acme.toml`,
    "storage": `${directory}/acme`,
    "secrets-dir": `${directory}/secrets`,
    "systemd-dropin-dir": `${directory}/units`,
    ...given,
  };
  const code = init({
    args: {
      positionals: [issuer],
      has: (name) => Object.hasOwn(options, name),
      get: (name) => typeof options[name] === "string" ? options[name] : undefined,
      all: () => [],
    },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    config: () => Promise.resolve(undefined),
    loaded: () => Promise.resolve(undefined),
    readText: () => ({ config: undefined, problems: [] }),
  });
  return { code, out, err };
}

function withDirectory(body: (directory: string) => void): void {
  const directory = newDirectory();
  try {
    body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function modeOf(path: string): string {
  return ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
}

/** The fragment with what a gateway needs beside it. */
function problemsOf(fragment: string): readonly string[] {
  const { config, problems } = loadText(fragment, [...module.schema, ...tls.schema]);
  const all = [...problems, ...(config === undefined ? [] : module.check?.(config) ?? [])];
  return all.filter(({ warning }) => warning !== true).map(({ key }) => key);
}

Deno.test("a fragment for an issuer without secrets loads, and nothing is written twice", () => {
  withDirectory((directory) => {
    const { code, out } = run(directory, "letsencrypt", {});
    assert.equal(code, 0);
    assert.equal(out[0], "initialized ACME issuer: letsencrypt");
    const path = `${directory}/conf.d/acme.toml`;
    assert.ok(out.includes(`created: ${path}`));
    assert.deepEqual(problemsOf(Deno.readTextFileSync(path)), []);
    assert.equal(modeOf(path), "644");
    assert.equal(modeOf(`${directory}/acme`), "700");
    assert.match(run(directory, "letsencrypt", {}).err[0], /is there already; --force/);
    assert.equal(run(directory, "letsencrypt", { force: true }).code, 0);
  });
});

Deno.test("secrets of a binding are kept, and handed over as credentials", () => {
  withDirectory((directory) => {
    putFile(`${directory}/kid`, "kid-1\n");
    putFile(`${directory}/hmac`, "c2VjcmV0\n");
    const files = { "kid-file": `${directory}/kid`, "hmac-key-file": `${directory}/hmac` };
    assert.equal(run(directory, "actalis", files).code, 0);
    const fragment = Deno.readTextFileSync(`${directory}/conf.d/acme.toml`);
    assert.deepEqual(problemsOf(fragment), []);
    assert.match(fragment, /automation = "external"/);
    assert.match(fragment, /hmac_key_credential = "actalis-eab-hmac-key"/);
    assert.equal(modeOf(`${directory}/secrets/actalis-eab-hmac-key`), "600");
    const dropIn = Deno.readTextFileSync(`${directory}/units/actalis-eab.conf`);
    assert.equal(dropIn.match(/^LoadCredential=/gm)?.length, 2);
  });
});

Deno.test("a missing secret, and a path with dots, are refused, and nothing is written", () => {
  withDirectory((directory) => {
    const attempts: readonly Readonly<Record<string, string>>[] = [
      {},
      { "kid-file": `${directory}/kid` },
      { output: `${directory}/../x.toml` },
    ];
    for (const given of attempts) {
      assert.equal(run(directory, "actalis", given).code, 1);
      assert.deepEqual([...Deno.readDirSync(directory)], []);
    }
    assert.equal(run(directory, "letsencrypt", { email: "nobody" }).code, 1);
    assert.equal(run(directory, "other", {}).code, 1);
  });
});

Deno.test("agreement to terms of service is written down, and takes both options for an address", () => {
  withDirectory((directory) => {
    const url = "https://issuer.test/terms";
    const alone = run(directory, "letsencrypt", { "terms-of-service-url": url });
    assert.match(alone.err[0], /needs --accept-terms-of-service/);
    const accept = { "accept-terms-of-service": true } as const;
    const wrong = run(directory, "letsencrypt", { ...accept, "terms-of-service-url": 'a"b' });
    assert.match(wrong.err[0], /must be an http/);
    assert.deepEqual([...Deno.readDirSync(directory)], []);
    const whole = run(directory, "letsencrypt", { ...accept, "terms-of-service-url": url });
    assert.equal(whole.code, 0, whole.err[0]);
    const fragment = Deno.readTextFileSync(`${directory}/conf.d/acme.toml`);
    assert.deepEqual(problemsOf(fragment), []);
    const { config } = loadText(fragment, [...module.schema, ...tls.schema]);
    const [issuer] = config?.tls?.acme?.issuers ?? [];
    assert.equal(issuer.name, "letsencrypt");
    assert.equal(issuer.directory_url, "https://acme-v02.api.letsencrypt.org/directory");
    assert.equal(issuer.terms_of_service_agreed, true);
    assert.equal(issuer.terms_of_service_url, url);
  });
});
