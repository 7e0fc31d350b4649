import assert from "node:assert/strict";
import { contextOf, needsOf, started, systemOf } from "../../gateway/testing/modules.ts";
import { X509Certificate } from "node:crypto";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import { type Issued, TestAuthority } from "../../net/testing/certificates.ts";
import { deploymentOf } from "../../runtime/deployment.ts";
import { readRequestedFiles } from "../../runtime/reload/requested_files.ts";
import { module as headers } from "../headers/module.ts";
import { complianceMode, module } from "./module.ts";
import { newDirectory, putDirectory, putFile } from "../../config/testing/files.ts";

const authority = new TestAuthority();
const a = authority.issue({ name: "a.test", names: ["a.test", "*.a.test"] });
const b = authority.issue({ name: "b.test" });

/** Files of one test, by name, in a directory of its user's alone; it goes with them. */
class TestFiles {
  readonly directory = newDirectory();

  constructor() {
    putDirectory(`${this.directory}/empty`);
  }

  write(name: string, content: string, mode = 0o600): string {
    const path = `${this.directory}/${name}`;
    putFile(path, content, mode);
    return path;
  }

  /** Writes a pair; gives its table. */
  pair(name: string, { cert, key }: Pick<Issued, "cert" | "key">, mode = 0o600): string {
    const cert_path = this.write(`${name}.pem`, cert, 0o644);
    const key_path = this.write(`${name}.key`, key, mode);
    return `{ cert_path = "${cert_path}", key_path = "${key_path}" }`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function load(text: string) {
  const { config, problems } = loadText(text, [...module.schema, ...headers.schema]);
  const all = [...problems, ...(config === undefined ? [] : module.check?.(config) ?? [])];
  return { config, problems: all };
}

function configOf(text: string): Config {
  const { config, problems } = load(text);
  assert.deepEqual(problems.filter(({ warning }) => warning !== true), []);
  assert.ok(config !== undefined);
  return config;
}

/** Keys of the problems of `[tls]`; of warnings in brackets, but for the one that it is off. */
function keysOf(tls: string, rest = ""): string[] {
  const { problems } = load(`[tls]\n${tls}\n${rest}`);
  return problems.map(({ key, warning }) => warning === true ? `(${key})` : key)
    .filter((key) => key !== "(tls)");
}

/** What the keeper says to the files of `[tls]`; warnings in brackets. */
async function fileProblems(text: string): Promise<string[]> {
  const { problems } = await readRequestedFiles(
    deploymentOf(configOf(text), [module]),
    [module],
  );
  return problems.map(({ key, message, warning }) =>
    warning === true ? `(${key} ${message})` : `${key} ${message}`
  );
}

/** What the listeners show, with the files the module asks for. */
async function listenerTls(text: string) {
  const config = configOf(text);
  const requests = needsOf(module, config).files ?? [];
  const files = new Map(requests.map(({ path }) => [path, Deno.readFileSync(path)]));
  const running = await started(module, { ...contextOf(config, [module]), files });
  await running.stop();
  return running.listenerTls;
}

const LISTEN = `
  [server]
  listen = []
  tls_listen = ["127.0.0.1:0"]
`;

function vhost(name: string, tls: string): string {
  return `
    [[vhosts]]
    name = "${name}"
    hosts = ["${name}.test", "*.${name}.test"]
    tls = ${tls}
  `;
}

Deno.test("the default policy is TLS 1.2 and 1.3 with both protocols", async () => {
  using files = new TestFiles();
  const text = `${LISTEN}[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]`;
  const tls = await listenerTls(text);
  assert.deepEqual(tls, {
    material: {
      pairs: [{ cert: a.cert, key: a.key }],
      fallback: 0,
      names: [],
      clientRoots: undefined,
    },
    alpn: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    clientAuth: "off",
    needsFacts: false,
    fastListener: false,
    handshakeTimeoutMs: 5000,
  });
});

Deno.test("versions and protocols follow the policy", async () => {
  using files = new TestFiles();
  const pair = files.pair("a", a);
  const policy = async (lines: string) => {
    const tls = await listenerTls(`[tls]\nenabled = true\ncertificates = [${pair}]\n${lines}`);
    return [tls?.minVersion, tls?.alpn.join()];
  };
  assert.deepEqual(await policy('profile = "modern"'), ["TLSv1.3", "h2,http/1.1"]);
  assert.deepEqual(await policy('profile = "compat"\nalpn = "http1"'), ["TLSv1.2", "http/1.1"]);
  for (const word of ["tls1.3", "TLS1.3", "VersionTLS13"]) {
    assert.deepEqual(await policy(`min_protocol = "${word}"\nalpn = "http2"`), ["TLSv1.3", "h2"]);
  }
});

Deno.test("TLS that is off asks for nothing", async () => {
  using files = new TestFiles();
  const text = `[tls]\ncertificates = [${files.pair("a", a)}]`;
  assert.equal(await listenerTls(text), undefined);
  assert.deepEqual(needsOf(module, configOf(text)).files, []);
  assert.deepEqual(needsOf(module, configOf(text)).grants, { read: [] });
});

Deno.test("hosts of vhosts choose their certificates, the first global one is for the rest", async () => {
  using files = new TestFiles();
  const [first, second] = [files.pair("a", a), files.pair("b", b)];
  const tls = await listenerTls(
    `[tls]\nenabled = true\ncertificates = [${second}, ${first}]` +
      vhost("a", `{ enabled = true, certificate = ${first} }`) +
      vhost("b", `{ enabled = true, certificate = ${second} }`) +
      vhost("c", `{ enabled = false, certificate = ${first} }`),
  );
  assert.deepEqual(tls?.material.pairs.map(({ cert }) => cert), [b.cert, a.cert]);
  assert.equal(tls?.material.fallback, 0);
  assert.deepEqual(tls?.material.names, [
    ["a.test", 1],
    ["*.a.test", 1],
    ["b.test", 0],
    ["*.b.test", 0],
  ]);
});

Deno.test("without a global certificate that of the default vhost is for the rest", async () => {
  using files = new TestFiles();
  const text = `[server]\nlisten = []\ntls_listen = ["127.0.0.1:0"]\ndefault_vhost = "b"\n` +
    `[tls]\nenabled = true` +
    vhost("a", `{ enabled = true, certificate = ${files.pair("a", a)} }`) +
    vhost("b", `{ enabled = true, certificate = ${files.pair("b", b)} }`);
  const tls = await listenerTls(text);
  assert.equal(tls?.material.pairs[tls.material.fallback ?? -1].cert, b.cert);
});

Deno.test("client certificates need a bundle, which is handed over", async () => {
  using files = new TestFiles();
  const auth = `client_auth = { mode = "optional", ca_path = "${
    files.write("ca.pem", `a bundle\n${authority.root}`)
  }" }`;
  const text = `[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]\n${auth}`;
  const tls = await listenerTls(text);
  assert.equal(tls?.clientAuth, "optional");
  assert.equal(tls?.material.clientRoots, authority.root);
  assert.deepEqual(keysOf('client_auth = { mode = "required" }'), ["tls.client_auth.ca_path"]);
});

Deno.test("header templates that show TLS facts are noticed", async () => {
  using files = new TestFiles();
  const shows = async (template: string) => {
    const headers = `[vhosts.headers.request.set]\nx-tls = "${template}"`;
    const text = `[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]\n` +
      `${vhost("a", "{ enabled = false }")}\n${headers}`;
    return (await listenerTls(text))?.needsFacts;
  };
  assert.equal(await shows("{tls.version}"), true);
  assert.equal(await shows("on {tls.cipher}"), true);
  assert.equal(await shows("{host}"), false);
});

Deno.test("only the keeper reads the files", () => {
  using files = new TestFiles();
  const config = configOf(`[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]`);
  const { read = [] } = needsOf(module, config).grants ?? {};
  assert.deepEqual(read.map((grant) => grant.for), ["keeper", "keeper"]);
  assert.deepEqual(read.map(({ key }) => key), [
    "tls.certificates[0].cert_path",
    "tls.certificates[0].key_path",
  ]);
});

Deno.test("what the runtime cannot enforce is refused by name", () => {
  assert.deepEqual(keysOf('curve_preferences = ["X25519"]'), ["tls.curve_preferences"]);
  assert.deepEqual(keysOf('cipher_suites = ["TLS_AES_256_GCM_SHA384"]'), ["tls.cipher_suites"]);
  assert.deepEqual(keysOf('backend = "openssl"'), ["tls.backend"]);
  assert.deepEqual(keysOf('backend = "boringssl"'), ["tls.backend"]);
  assert.deepEqual(keysOf("fips = { required = true }"), ["tls.fips.required"]);
  assert.deepEqual(keysOf("iso19790 = { required = true }"), ["tls.iso19790.required"]);
  assert.deepEqual(keysOf("enabled = true\n[tls.acme]\nenabled = true"), ["tls.acme"]);
});

Deno.test("policies that contradict themselves are refused", () => {
  assert.deepEqual(keysOf('profile = "modern"\nmin_protocol = "tls1.2"'), ["tls.min_protocol"]);
  const suite = 'cipher_suites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]';
  assert.deepEqual(keysOf(`profile = "modern"\n${suite}`), [
    "tls.cipher_suites",
    "tls.cipher_suites[0]",
  ]);
  const young = 'cipher_suites = ["TLS_AES_256_GCM_SHA384"]';
  assert.deepEqual(keysOf(`profile = "modern"\n${young}`), ["tls.cipher_suites"]);
  assert.deepEqual(keysOf('profile = "intermediate"\nmin_protocol = "tls1.2"'), []);
  assert.deepEqual(keysOf('min_protocol = "tls1.1"'), ["tls.min_protocol"]);
  assert.deepEqual(keysOf('cipher_suites = ["TLS_RSA_WITH_RC4_128_SHA"]'), [
    "tls.cipher_suites[0]",
  ]);
});

Deno.test("a compliance mode that is not required is only a label", () => {
  const tls = configOf("[tls.fips]\nrequire_disk_cache_encryption = true").tls;
  assert.ok(tls !== undefined);
  assert.equal(complianceMode(tls), "none");
  const both = { ...tls, fips: { ...tls.fips, required: true } };
  assert.equal(complianceMode(both), "FIPS 140-3");
  const iso = { ...both, iso19790: { ...tls.iso19790, required: true } };
  assert.equal(complianceMode(iso), "FIPS 140-3 / ISO/IEC 19790");
});

Deno.test("a TLS listener needs a certificate for unknown names", () => {
  const key = "server.tls_listen";
  assert.ok(load(`${LISTEN}[tls]\nenabled = true`).problems.some((p) => p.key === key));
  const unnamed = vhost(
    "a",
    '{ enabled = true, certificate = { cert_path = "/c", key_path = "/k" } }',
  );
  assert.ok(load(`${LISTEN}[tls]\nenabled = true\n${unnamed}`).problems.some((p) => p.key === key));
});

Deno.test("a vhost with TLS needs a certificate, and TLS switched on", () => {
  const missing = vhost("a", "{ enabled = true }");
  assert.deepEqual(keysOf("enabled = true", missing), ["vhosts[0].tls.certificate"]);
  const off = vhost("a", '{ enabled = true, certificate = { cert_path = "/c", key_path = "/k" } }');
  assert.deepEqual(keysOf("enabled = false", off), ["(vhosts[0].tls.enabled)"]);
});

Deno.test("files that are fine raise no problem", async () => {
  using files = new TestFiles();
  const text = `[tls]\nenabled = true\ncertificates = [${files.pair("b", b)}]` +
    vhost("a", `{ enabled = true, certificate = ${files.pair("a", a)} }`);
  assert.deepEqual(await fileProblems(text), []);
});

Deno.test("files that are missing, malformed or do not match are refused by key", async () => {
  using files = new TestFiles();
  const missing =
    `{ cert_path = "${files.directory}/no.pem", key_path = "${files.directory}/empty" }`;
  const mixed = files.pair("mixed", { cert: a.cert, key: b.key });
  const garbage = files.pair("garbage", { cert: "x", key: "y" });
  const text = `[tls]\nenabled = true\ncertificates = [${missing}, ${mixed}, ${garbage}]`;
  const { directory } = files;
  assert.deepEqual(await fileProblems(text), [
    `tls.certificates[0].cert_path ${directory}/no.pem does not exist`,
    `tls.certificates[0].key_path ${directory}/empty is not a regular file`,
    `tls.certificates[1].key_path ${directory}/mixed.key is not the key of the certificate`,
    `tls.certificates[2].cert_path ${directory}/garbage.pem has no PEM certificate in it`,
    `tls.certificates[2].key_path ${directory}/garbage.key has no PEM private key in it`,
  ]);
});

Deno.test("files larger than any certificate or key are refused", async () => {
  using files = new TestFiles();
  const table = files.pair("big", { cert: " ".repeat(1024 * 1024 + 1), key: " ".repeat(131_073) });
  const problems = await fileProblems(`[tls]\nenabled = true\ncertificates = [${table}]`);
  assert.match(problems[0], /big\.pem is larger than 1048576 bytes$/);
  assert.match(problems[1], /big\.key is larger than 131072 bytes$/);
});

const UNKNOWN = authority.issue({
  name: "a.test",
  names: ["a.test", "*.a.test"],
  criticalExtension: [0x2a, 0x03, 0x04],
});

Deno.test("a pair that looks right and fails every handshake is refused, with the reason", async () => {
  using files = new TestFiles();
  const [good, bad] = [files.pair("a", a), files.pair("unknown", UNKNOWN)];
  const text = `[tls]\nenabled = true\ncertificates = [${good}]` +
    vhost("a", `{ enabled = true, certificate = ${bad} }`);
  assert.deepEqual(await fileProblems(text), [
    `vhosts[0].tls.certificate.cert_path ${files.directory}/unknown.pem cannot be served, every TLS ` +
    "handshake with it fails: it has the critical extension 1.2.3.4, which the TLS library does not know",
  ]);
});

Deno.test("keys and curves of every supported kind shake hands", async () => {
  using files = new TestFiles();
  const tables = (["P-256", "RSA", "Ed25519"] as const).map((algorithm) =>
    files.pair(algorithm, authority.issue({ name: "a.test", algorithm }))
  );
  assert.deepEqual(
    await fileProblems(`[tls]\nenabled = true\ncertificates = [${tables.join(", ")}]`),
    [],
  );
});

Deno.test("a later global certificate is checked although no client is shown it", async () => {
  using files = new TestFiles();
  const [good, bad] = [files.pair("a", a), files.pair("bad", { cert: a.cert, key: b.key })];
  const problems = await fileProblems(`[tls]\nenabled = true\ncertificates = [${good}, ${bad}]`);
  assert.match(problems[0], /^tls\.certificates\[1\]\.key_path .* is not the key/);
});

Deno.test("a certificate for other names, or expired, is a warning", async () => {
  using files = new TestFiles();
  const expired = authority.issue({ name: "c.test", notAfter: new Date(Date.now() - 60_000) });
  const text = `[tls]\nenabled = true\ncertificates = [${files.pair("c", expired)}]` +
    vhost("a", `{ enabled = true, certificate = ${files.pair("b", b)} }`);
  const [first, second] = await fileProblems(text);
  assert.match(first, /^\(tls\.certificates\[0\]\.cert_path .*c\.pem expired on /);
  assert.match(
    second,
    /^\(vhosts\[0\]\.tls\.certificate\.cert_path .*is not for a\.test, \*\.a\.test/,
  );
});

Deno.test("a fast listener that cannot do what is asked is a warning", async () => {
  using files = new TestFiles();
  const text = `[tls]\nenabled = true\nfast_listener = true\ncertificates = [${
    files.pair("a", a)
  }]\n`;
  assert.deepEqual(await fileProblems(text), []);
  const other = vhost("b", `{ enabled = true, certificate = ${files.pair("b", b)} }`);
  const said =
    "(tls.fast_listener has no effect: the fast listener cannot do certificates by name)";
  const problems = await fileProblems(text + other);
  assert.ok(problems.includes(said), problems.join("\n"));
});

Deno.test("a key that others can change is refused, one they can read is a warning", async () => {
  using files = new TestFiles();
  const text = (mode: number) =>
    `[tls]\nenabled = true\ncertificates = [${files.pair("a", a, mode)}]`;
  assert.match(
    (await fileProblems(text(0o620)))[0],
    /^tls\.certificates\[0\]\.key_path .* is writable/,
  );
  assert.match(
    (await fileProblems(text(0o640)))[0],
    /^\(tls\.certificates\[0\]\.key_path .* can read/,
  );
});

Deno.test("a client bundle without a certificate is refused", async () => {
  using files = new TestFiles();
  const auth = `client_auth = { mode = "required", ca_path = "${files.write("ca.pem", "none")}" }`;
  const text = `[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]\n${auth}`;
  const [problem] = await fileProblems(text);
  assert.match(problem, /^tls\.client_auth\.ca_path .* has no PEM certificate in it/);
});

Deno.test("a client bundle that clients could not take is refused with its size", async () => {
  using files = new TestFiles();
  const size = new X509Certificate(authority.root).raw.length;
  const mostRoots = Math.floor(48 * 1024 / size);
  const problems = async (roots: number) => {
    const path = files.write("ca.pem", authority.root.repeat(roots));
    const auth = `client_auth = { mode = "optional", ca_path = "${path}" }`;
    return await fileProblems(
      `[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]\n${auth}`,
    );
  };
  assert.deepEqual(await problems(mostRoots), []);
  const [problem] = await problems(mostRoots + 1);
  assert.match(problem, /^tls\.client_auth\.ca_path .* sends them all to every client/);
  assert.ok(problem.includes(` has ${(mostRoots + 1) * size} bytes of certificates`), problem);
});

Deno.test("a pair that was not checked is refused when it is built, unless it is fit", async () => {
  using files = new TestFiles();
  const text = `[tls]\nenabled = true\ncertificates = [${files.pair("a", a)}]`;
  files.write("a.key", b.key);
  await assert.rejects(async () => await listenerTls(text), /a\.key is not the key/);
});

async function storage(text: string, uid = Deno.uid() ?? -1): Promise<string[]> {
  const issues = await module.checkStorage?.(configOf(text), systemOf(uid)) ?? [];
  return issues.map(({ scope, message }) => `${scope}: ${message}`);
}

Deno.test("the storage check wants keys to be their owner's alone", async () => {
  using files = new TestFiles();
  const text = (mode: number) =>
    // A file each: only root may write to one of mode 0400 again.
    vhost("a", `{ enabled = true, certificate = ${files.pair(mode.toString(8), a, mode)} }`) +
    `[tls]\nenabled = true`;
  const path = `vhosts.a.tls.certificate: ${files.directory}/640.key`;
  assert.deepEqual(await storage(text(0o600)), []);
  assert.deepEqual(await storage(text(0o400)), []);
  assert.deepEqual(await storage(text(0o640)), [
    `${path} has mode 0640: a private key is its owner's alone, 0600`,
  ]);
  const [foreign] = await storage(text(0o600), 4711);
  assert.match(foreign, /600\.key belongs to user \d+, not to user 4711/);
});

/** What the storage check says about \`table\` after \`change\`. */
async function storageAfter(table: string, change: () => void): Promise<string[]> {
  const config = configOf(`[tls]\nenabled = true\ncertificates = [${table}]`);
  change();
  const issues = await module.checkStorage?.(config, systemOf()) ?? [];
  return issues.map(({ scope, message }) => `${scope}: ${message}`);
}

Deno.test("the storage check finds open links, directories and parents that others can change", async () => {
  using files = new TestFiles();
  const { directory } = files;
  const link = (mode: number) => () => {
    Deno.mkdirSync(`${directory}/archive`, { recursive: true });
    Deno.chmodSync(`${directory}/archive`, mode);
    Deno.renameSync(`${directory}/a.key`, `${directory}/archive/real.key`);
    Deno.symlinkSync("archive/real.key", `${directory}/a.key`);
  };
  assert.deepEqual(await storageAfter(files.pair("a", a), link(0o755)), []);
  Deno.removeSync(`${directory}/a.key`);
  const linked = await storageAfter(files.pair("a", a), link(0o777));
  assert.match(
    linked.join(),
    /^tls\.certificates\[0\]: .*a\.key is an unsafe path: .*archive is writable by its group/,
  );
  const folder = await storageAfter(files.pair("b", b), () => {
    Deno.removeSync(`${directory}/b.pem`);
    putDirectory(`${directory}/b.pem`);
  });
  assert.match(folder.join(), /^tls\.certificates\[0\]: .*b\.pem is not a regular file$/);
  const open = await storageAfter(files.pair("c", a), () => Deno.chmodSync(directory, 0o770));
  assert.equal(open.length, 2);
  assert.match(open[0], /c\.pem is an unsafe path: .* writable by its group or by everyone/);
});
