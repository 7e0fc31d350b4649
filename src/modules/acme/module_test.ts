/** Rules of the tables, and what they ask of the process (spec 05 sections 6.1 to 6.5, and 7). */
import assert from "node:assert/strict";
import { contextOf, needsOf, vhostScope } from "../../gateway/testing/modules.ts";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import { module as proxy } from "../proxy/module.ts";
import { module as tls } from "../tls/module.ts";
import { module } from "./module.ts";
import { segmentOf } from "./storage_names.ts";

const MODULES = [module, tls, proxy];

const ACME = `
[tls.acme]
enabled = true
storage = "/var/lib/fluxheim/acme"
contact_email = "a@shop.test"
`;

const SITE = `
[server]
listen = ["127.0.0.1:8080"]
tls_listen = ["127.0.0.1:8443"]
default_vhost = "shop"
[tls]
enabled = true
`;

function vhost(more = "", hosts = `["shop.test", "*.shop.test"]`): string {
  return `
[[vhosts]]
name = "shop"
hosts = ${hosts}
[vhosts.tls]
enabled = true
[vhosts.tls.acme]
enabled = true
${more}
`;
}

function load(text: string) {
  const { config, problems } = loadText(text, MODULES.flatMap(({ schema }) => schema));
  const checked = config === undefined ? [] : MODULES.flatMap((one) => one.check?.(config) ?? []);
  return { config, problems: [...problems, ...checked] };
}

/** Keys of problems, of warnings in brackets. */
function keysOf(text: string): string[] {
  return load(text).problems.map(({ key, warning }) => warning === true ? `(${key})` : key)
    .filter((key) => key !== "(tls)").sort();
}

function configOf(text: string): Config {
  const { config, problems } = load(text);
  assert.deepEqual(problems, []);
  assert.ok(config !== undefined);
  return config;
}

const RIGHT = SITE + ACME + vhost();

Deno.test("a host name, an email and a storage are enough", () => {
  configOf(RIGHT);
});

const WRONG: readonly (readonly [what: string, text: string, keys: readonly string[]])[] = [
  ["no storage and no email", RIGHT.replace(/storage.*\ncontact.*\n/, ""), [
    "tls.acme.storage",
    "tls.acme.contact_email",
  ]],
  ["an email without a name", RIGHT.replace("a@shop.test", "@shop.test"), [
    "tls.acme.contact_email",
  ]],
  ["an issuer that there is not", RIGHT + `issuer = "other"`, ["vhosts[0].tls.acme.issuer"]],
  [
    "a default issuer that there is not, also while it is off",
    `[tls.acme]\ndefault_issuer = "other"`,
    ["tls.acme.default_issuer"],
  ],
  [
    "own issuers without the default one",
    RIGHT.replace("[[vhosts]]", ISSUER("mine") + "[[vhosts]]"),
    [
      "tls.acme.default_issuer",
    ],
  ],
  ["a wildcard", RIGHT + `domains = ["*.shop.test"]`, ["vhosts[0].tls.acme.domains[0]"]],
  [
    "hosts that are all wildcards",
    SITE + ACME + vhost("", `["*.shop.test"]`),
    ["vhosts[0].tls.acme.domains"],
  ],
  ["tls-alpn-01", RIGHT.replace("[[vhosts]]", `challenge = "tls-alpn-01"\n[[vhosts]]`), [
    "tls.acme.challenge",
  ]],
  [
    "a local time",
    RIGHT.replace(
      "[[vhosts]]",
      "[tls.acme.renewal]\nrenew_after = 2027-01-01T00:00:00\n[[vhosts]]",
    ),
    ["tls.acme.renewal.renew_after"],
  ],
  [
    "a first pause that is longer than the longest",
    RIGHT.replace("[[vhosts]]", "[tls.acme.renewal]\nretry_initial_secs = 90000\n[[vhosts]]"),
    ["tls.acme.renewal.retry_initial_secs"],
  ],
  ["a vhost without the main switch", SITE + vhost(), [
    "server.tls_listen",
    "vhosts[0].tls.acme.enabled",
    "vhosts[0].tls.certificate",
  ]],
  ["a compliance mode", RIGHT.replace("[tls]\n", "[tls]\nfips = { required = true }\n"), [
    "tls.fips.required",
    "tls.acme.enabled",
  ]],
  [
    "a directory without TLS",
    RIGHT.replace("[[vhosts]]", ISSUER("letsencrypt").replace("https", "http") + "[[vhosts]]"),
    ["tls.acme.issuers[0].directory_url"],
  ],
  [
    "two sources of one secret",
    RIGHT.replace(
      "[[vhosts]]",
      `${ISSUER("letsencrypt")}[tls.acme.issuers.eab]
key_id_env = "A"
key_id_credential = "b"
hmac_key_env = "C"
[[vhosts]]`,
    ),
    ["tls.acme.issuers[0].eab.key_id_credential"],
  ],
  [
    "no source of a secret",
    RIGHT.replace(
      "[[vhosts]]",
      `${ISSUER("letsencrypt")}[tls.acme.issuers.eab]
key_id_env = "A"
[[vhosts]]`,
    ),
    ["tls.acme.issuers[0].eab.hmac_key_env"],
  ],
  ["no cleartext listener", RIGHT.replace(/listen = \["127.0.0.1:8080"\]/, "listen = []"), [
    "(tls.acme.challenge)",
  ]],
];

function ISSUER(name: string): string {
  return `[[tls.acme.issuers]]\nname = "${name}"\ndirectory_url = "https://ca.test/dir"\n`;
}

for (const [what, text, keys] of WRONG) {
  Deno.test(`${what}: the key is named`, () => assert.deepEqual(keysOf(text), keys.toSorted()));
}

Deno.test("the service alone dials the issuer and writes the storage; the keeper reads pairs", () => {
  const { grants = {}, files = [] } = needsOf(module, configOf(RIGHT));
  const of = (kind: "net" | "read" | "write" | "env") =>
    (grants[kind] ?? []).map(({ value, for: role }) => `${role} ${value}`);
  const pair = `/var/lib/fluxheim/acme/certificates/${segmentOf("shop")}`;
  assert.deepEqual(of("net").slice(0, 1), ["acme acme-v02.api.letsencrypt.org:443"]);
  assert.ok(of("write").every((grant) => grant.startsWith("acme ")));
  assert.deepEqual(files.map(({ path, isOptional }) => [path, isOptional]), [
    [`${pair}/fullchain.pem`, true],
    [`${pair}/privkey.pem`, true],
  ]);
  assert.ok(of("read").includes(`keeper ${pair}/privkey.pem`));
  assert.deepEqual(of("env"), []);
});

Deno.test("a vhost whose hosts are all on another one's certificate shows that", () => {
  const other = `
[[vhosts]]
name = "www"
hosts = ["www.shop.test"]
[vhosts.tls]
enabled = true
`;
  configOf(SITE + ACME + vhost(`domains = ["shop.test", "www.shop.test"]`) + other);
  assert.deepEqual(keysOf(SITE + ACME + vhost(`domains = ["shop.test"]`) + other), [
    "vhosts[1].tls.certificate",
  ]);
});

/** The `access` step of the vhost, in a worker that knows the answer to `known`. */
async function challenges(text = RIGHT) {
  const config = configOf(text);
  const asked: unknown[] = [];
  const part = await (await module.edge()).open({
    ...contextOf(config, []),
    service: () => ({
      call: (_, input) => {
        asked.push(input);
        return Promise.resolve({ kind: "answer", value: null });
      },
    }),
  });
  await part.onCall?.({ token: "known", answer: "known.thumbprint" });
  const running = await part.start(contextOf(config, []));
  const step = running.plan(vhostScope(config))?.access;
  return {
    asked,
    async status(path: string, method = "GET") {
      const exchange = exchangeFixture({ target: path, method });
      await step?.(exchange);
      return exchange;
    },
  };
}

const PREFIX = "/.well-known/acme-challenge/";

Deno.test("a known token is answered, for GET and HEAD alone, and never stored", async () => {
  const { status } = await challenges();
  for (const method of ["GET", "HEAD"]) {
    const { status: code, response } = await status(`${PREFIX}known`, method);
    assert.equal(code, 200);
    assert.equal(response.get("content-type"), "text/plain");
    assert.equal(response.get("cache-control"), "no-store");
    assert.equal(response.get("content-length"), "16");
  }
  const refused = await status(`${PREFIX}known`, "POST");
  assert.equal(refused.status, 405);
  assert.equal(refused.response.get("allow"), "GET, HEAD");
});

Deno.test("an unknown token is asked for once a request, and goes on to the route", async () => {
  const { status, asked } = await challenges();
  assert.equal((await status(`${PREFIX}unknown`)).status, 0);
  assert.deepEqual(asked, [{ vhost: "shop", token: "unknown" }]);
  for (const path of [`${PREFIX}a/b`, `${PREFIX}`, `${PREFIX}a.b`, "/other"]) {
    assert.equal((await status(path)).status, 0);
  }
  assert.equal(asked.length, 1);
});

Deno.test("a vhost whose challenges another host answers is left alone", async () => {
  const forwarded = `
[vhosts.acme_challenge]
enabled = true
upstream = "127.0.0.1:9000"
`;
  const { status } = await challenges(RIGHT + forwarded);
  assert.equal((await status(`${PREFIX}known`)).status, 0);
});
