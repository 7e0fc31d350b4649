import assert from "node:assert/strict";
import { BASE_FOLDERS, FOLDER_ORDER, JOINT_FOLDERS, MODULES } from "../../catalog/modules.ts";
import { PROFILES } from "../../catalog/profiles.ts";
import { expandFeatures, findProfile, foldersOf, profileFeatures } from "./feature_set.ts";

function messages(...names: string[]): string[] {
  return expandFeatures(names).problems.map((p) => p.message);
}

function names(...features: string[]): string[] {
  return expandFeatures(features).modules.map((m) => m.name);
}

Deno.test("a module brings what it needs", () => {
  assert.deepEqual(names("compression-gzip"), [
    "proxy",
    "ingress",
    "compression",
    "compression-gzip",
  ]);
});

Deno.test("an alias stands for its modules, in catalog order", () => {
  assert.deepEqual(names("profile-static-site"), [
    "proxy",
    "web",
    "security",
    "ingress",
    "tls",
    "tls-rustls",
  ]);
});

Deno.test("two TLS backends are refused after aliases are expanded", () => {
  assert.ok(
    messages("profile-core", "tls-rustls-fips").includes(
      "at most one TLS backend: tls-rustls and tls-rustls-fips exclude each other",
    ),
  );
});

Deno.test("tls alone is no backend", () => {
  assert.deepEqual(messages("proxy", "tls"), ["tls is no backend by itself: add tls-rustls"]);
});

for (
  const name of [
    "cache",
    "metrics",
    "metrics-otlp",
    "otel-tracing",
    "otel-otlp",
    "compression-gzip",
    "compression-zstd",
    "compression-brotli",
  ]
) {
  Deno.test(`privacy-mode excludes ${name}`, () => {
    const forbidden = expandFeatures(["profile-privacy", name]).problems
      .filter((p) => p.kind === "forbidden").map((p) => p.message);
    assert.ok(
      forbidden.includes(`privacy-mode excludes ${name}: it would keep or reveal requests`),
      forbidden.join("\n"),
    );
  });
}

Deno.test("a mistyped name gets a suggestion", () => {
  assert.deepEqual(messages("compresion-gzip"), [
    'unknown module "compresion-gzip"; did you mean "compression-gzip"?',
  ]);
});

Deno.test("what is in every build has no name, and that is said", () => {
  assert.deepEqual(messages("access", "rate-limit", "proxy"), [
    '"access" is in every build and is not named; leave it out',
    '"rate-limit" is in every build and is not named; leave it out',
  ]);
});

Deno.test("a name like nothing known gets none", () => {
  assert.deepEqual(messages("zzzzzzzz"), ['unknown module "zzzzzzzz"']);
});

Deno.test("a removed backend is unknown, with the reason", () => {
  assert.deepEqual(messages("tls-s2n"), [
    'unknown module "tls-s2n": the s2n backend was removed before 1.5',
  ]);
});

Deno.test("a module without a provider is refused with the reason", () => {
  assert.match(messages("profile-fips-rustls").join(), /tls-rustls-fips cannot be offered: .*FIPS/);
});

Deno.test("no profile of the catalog is a forbidden combination", () => {
  for (const profile of PROFILES) {
    const wrong = profileFeatures(profile).problems.filter((p) =>
      p.kind === "forbidden" || p.kind === "unknown"
    );
    assert.deepEqual(wrong, [], profile.name);
  }
});

/** Spec 01 section 5.2, written out: a profile by its alias, an artifact by its name. */
const EDGE = "proxy tls-rustls security";
const CODECS = "compression-gzip compression-zstd compression-brotli";
const CORE = `${EDGE} web cache`;
const OBSERVABILITY = "metrics metrics-otlp otel-tracing otel-otlp";
const LOAD_BALANCER = `${CORE} ${CODECS} load-balancer`;
const FULL = `${LOAD_BALANCER} geoip stream-proxy traffic-mirror`;
const TABLE: Readonly<Record<string, string>> = {
  "profile-core": CORE,
  "profile-static-site": `${EDGE} web`,
  "profile-reverse-proxy": EDGE,
  "profile-cache-server": CORE,
  "profile-load-balancer": LOAD_BALANCER,
  "profile-observability": `${CORE} ${OBSERVABILITY}`,
  "profile-privacy": `${EDGE} web privacy-mode`,
  "profile-full": FULL,
  "profile-development": `${FULL} php-fpm acme-client ${OBSERVABILITY}`,
  "profile-web-server": `${EDGE} web ${CODECS}`,
  "profile-cache-edge": `${EDGE} cache ${CODECS}`,
  "profile-proxy-edge": `${EDGE} ${CODECS}`,
  "profile-load-balancer-edge": `${EDGE} load-balancer ${CODECS}`,
  "profile-fips-openssl": "proxy security tls-openssl-fips",
  "profile-iso19790-openssl": "proxy security tls-openssl-fips tls-openssl-iso19790",
  "profile-fips-rustls": "proxy security tls-rustls-fips",
  "profile-iso19790-rustls": "proxy security tls-rustls-fips tls-rustls-iso19790",
  full: `${FULL} acme-client ${OBSERVABILITY}`,
  cache: `${EDGE} cache ${CODECS} acme-client`,
  proxy: `${EDGE} ${CODECS} acme-client`,
  "load-balancer": `${EDGE} load-balancer ${CODECS} acme-client`,
  php: `${EDGE} web ${CODECS} php-fpm acme-client`,
};

Deno.test("every profile and artifact has the modules of Fluxheim 1.5 and what those need", () => {
  assert.deepEqual(PROFILES.map(({ alias, name }) => alias ?? name), Object.keys(TABLE));
  for (const [name, modules] of Object.entries(TABLE)) {
    const profile = findProfile(name);
    assert.ok(profile !== undefined, name);
    const found = profileFeatures(profile).modules.map((m) => m.name)
      .filter((name) => Object.hasOwn(NEEDS, name));
    assert.deepEqual(found, names(...modules.split(" ")), name);
  }
});

Deno.test("the artifacts are those of Fluxheim 1.5", () => {
  const artifacts = PROFILES.filter(({ release }) => release).map(({ name }) => name);
  assert.deepEqual(artifacts.sort(), [
    "cache",
    "development",
    "fips-openssl",
    "fips-rustls",
    "full",
    "iso19790-openssl",
    "iso19790-rustls",
    "load-balancer",
    "php",
    "privacy",
    "proxy",
  ]);
});

/** Spec 01 section 5.1: modules and what they need. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  proxy: ["ingress"],
  web: [],
  cache: [],
  security: [],
  ingress: [],
  tls: ["ingress"],
  "tls-rustls": ["tls"],
  "tls-rustls-fips": ["tls"],
  "tls-rustls-iso19790": ["tls-rustls-fips"],
  "tls-openssl": ["tls"],
  "tls-openssl-fips": ["tls-openssl"],
  "tls-openssl-iso19790": ["tls-openssl-fips"],
  "load-balancer": ["proxy"],
  "stream-proxy": ["proxy"],
  "traffic-mirror": ["proxy"],
  geoip: ["proxy"],
  compression: ["proxy"],
  "compression-gzip": ["compression"],
  "compression-zstd": ["compression"],
  "compression-brotli": ["compression"],
  metrics: [],
  "metrics-otlp": ["metrics"],
  "otel-tracing": ["proxy"],
  "otel-otlp": ["otel-tracing"],
  acme: ["tls"],
  "acme-client": ["acme"],
  php: ["proxy", "web"],
  "php-fpm": ["php"],
  "privacy-mode": ["proxy", "web"],
};

Deno.test("every module is known, and needs what it needs in Fluxheim 1.5", () => {
  const known = MODULES.filter(({ name }) => Object.hasOwn(NEEDS, name));
  assert.deepEqual(Object.fromEntries(known.map(({ name, needs }) => [name, needs])), NEEDS);
});

Deno.test("profile and module names never collide with each other's aliases", () => {
  const all = [
    ...MODULES.map((m) => m.name),
    ...PROFILES.flatMap((p) => p.alias !== undefined && p.alias !== p.name ? [p.alias] : []),
  ];
  assert.equal(new Set(all).size, all.length);
  assert.equal(new Set(PROFILES.map((p) => p.name)).size, PROFILES.length);
});

Deno.test("every set has the base folders, and the code of its modules, in a profile's order", () => {
  const folders = foldersOf(expandFeatures(["web", "rate-limit"]).modules);
  assert.deepEqual(folders, FOLDER_ORDER.filter((f) => folders.includes(f)));
  for (const folder of [...BASE_FOLDERS, "web"]) {
    assert.ok(folders.some((f) => f === folder), folder);
  }
  assert.ok(!folders.includes("proxy"));
});

Deno.test("error pages come where both an upstream can fail and pages can be read", () => {
  const has = (...names: string[]) =>
    foldersOf(expandFeatures(names).modules).includes("error_pages");
  assert.ok(has("proxy", "web"));
  assert.ok(!has("proxy"));
  assert.ok(!has("web"));
});

Deno.test("a module is built exactly when its folder has a module.ts", async () => {
  const there = (folder: string) =>
    Deno.stat(new URL(`../../modules/${folder}/module.ts`, import.meta.url)).then(
      () => true,
      () => false,
    );
  for (const { name, state } of MODULES) {
    for (const folder of state.kind === "built" ? state.folders : []) {
      assert.ok(await there(folder), `${name}: ${folder}`);
    }
  }
  for await (
    const { name, isDirectory } of Deno.readDir(new URL("../../modules", import.meta.url))
  ) {
    if (!isDirectory || !(await there(name))) continue;
    const known = MODULES.some(({ state }) =>
      state.kind === "built" && state.folders.some((folder) => folder === name)
    );
    const joint = JOINT_FOLDERS.some(({ folder }) => folder === name);
    assert.ok(known || joint || BASE_FOLDERS.some((folder) => folder === name), name);
  }
});
