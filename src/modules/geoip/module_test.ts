import assert from "node:assert/strict";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Config } from "../../config/types.ts";
import type { Module, RunningModule } from "../../gateway/module.ts";
import { type FilesRead, readRequestedFiles } from "../../runtime/reload/requested_files.ts";
import {
  configOf,
  contextOf,
  exchangeFrom,
  needsOf,
  routeScope,
  started,
  systemOf,
  vhostScope,
} from "../../gateway/testing/modules.ts";
import { loggingSchema } from "../../config/schema/logging_schema.ts";
import { accessSchema } from "../access/schema.ts";
import { headersSchema } from "../headers/schema.ts";
import { type MmdbContent, mmdbFile } from "./testing/mmdb.ts";
import { module as access } from "../access/module.ts";
import { module as headers } from "../headers/module.ts";
import { module } from "./module.ts";
import { geoipSchema, type GeoProvider } from "./schema.ts";
import { newDirectory, putFile } from "../../config/testing/files.ts";

const COUNTRIES: MmdbContent = {
  type: "GeoLite2-Country",
  networks: { "192.0.2.0/24": { country: { iso_code: "SE" } } },
};

const ASNS: MmdbContent = {
  type: "GeoLite2-ASN",
  networks: {
    "192.0.2.0/24": { autonomous_system_number: 64500 },
    "198.51.100.0/24": { autonomous_system_number: 64501 },
  },
};

const COMBINED: MmdbContent = {
  type: "Geo-Open-Country-ASN",
  networks: {
    "192.0.2.0/24": { country: { iso_code: "NO", AutonomousSystemNumber: "1" } },
    "203.0.113.0/24": { country: { iso_code: "DK", AutonomousSystemNumber: "64502" } },
  },
};

/** A folder with databases in it; goes away with the test. */
class Folder {
  readonly #path = newDirectory();

  path(name: string): string {
    return `${this.#path}/${name}.mmdb`;
  }

  /** Puts a file in place in one step, as operators are told to. */
  put(name: string, content: MmdbContent | string): string {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : new Uint8Array(mmdbFile(content));
    const next = this.path(`${name}.next`);
    putFile(next, bytes);
    Deno.renameSync(next, this.path(name));
    return this.path(name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

function configWith(
  databases: readonly (readonly [provider: GeoProvider, path: string])[],
  { access = {}, headers = {}, logs = true, ...geoip }: {
    access?: Record<string, unknown>;
    headers?: Record<string, unknown>;
    logs?: boolean;
    fallback_enabled?: boolean;
  } = {},
) {
  const table = geoipSchema.parse({
    enabled: true,
    databases: databases.map(([provider, path]) => ({ provider, path })),
    ...geoip,
  });
  const logging = loggingSchema.parse({ access: { enabled: logs } });
  const tables = { access: accessSchema.parse(access), headers: headersSchema.parse(headers) };
  return { ...configOf(tables, {}, { geoip: table }), logging };
}

function identified(
  running: RunningModule,
  config: ReturnType<typeof configWith>,
  address: string,
): Exchange {
  const exchange = exchangeFrom(address);
  assert.equal(running.plan(vhostScope(config))?.identify?.(exchange), undefined);
  return exchange;
}

/** What the keeper reads for `config`, and what it finds wrong. */
async function readFor(config: Config, modules: readonly Module[] = [module]): Promise<FilesRead> {
  const { files = [] } = needsOf(module, config);
  return await readRequestedFiles({ config, files }, modules);
}

/** What a worker is started with for `config`. */
async function contextFor(config: Config) {
  return { ...contextOf(config, [module]), files: (await readFor(config)).files };
}

/** A logger that keeps what it is told. */
function listening(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    logsAccess: false,
    enabled: () => true,
    log: (level, target, text) => lines.push(`${level} ${target} ${text}`),
    access() {},
  };
}

/** Modules that read where clients are. */
const READERS = [access, headers];

Deno.test("a gateway without geoip does nothing and may read nothing", async () => {
  const config = configOf({}, {}, { geoip: geoipSchema.parse({ databases: [] }) });
  assert.deepEqual(needsOf(module, config), {});
  const running = await started(module, contextOf(config, [module]));
  assert.equal(running.plan(vhostScope(config)), undefined);
  await running.stop();
});

Deno.test("a client's country and network are found, once for vhost and routes", async () => {
  using folder = new Folder();
  const config = configWith([
    ["maxmind", folder.put("country", COUNTRIES)],
    ["maxmind", folder.put("asn", ASNS)],
  ]);
  const running = await started(module, await contextFor(config));
  const exchange = identified(running, config, "192.0.2.9");
  assert.equal(exchange.findings.country, "SE");
  assert.equal(exchange.findings.asn, 64500);
  assert.equal(running.plan(routeScope(config)), undefined);
  assert.equal(running.explain?.(vhostScope(config), exchange), "country SE, AS number 64500");
  await running.stop();
});

Deno.test("no client is looked up where neither the log nor a policy asks", async () => {
  using folder = new Folder();
  const path = folder.put("country", COUNTRIES);
  const asked: readonly (readonly [isAsked: boolean, tables: Parameters<typeof configWith>[1]])[] =
    [
      [false, { logs: false }],
      [false, { logs: false, access: { deny: ["192.0.2.0/24"] } }],
      [false, { logs: false, access: { enabled: false, deny_countries: ["SE"] } }],
      [true, { logs: true }],
      [true, { logs: false, access: { deny_countries: ["SE"] } }],
      [true, { logs: false, headers: { request: { set: { "x-asn": "AS{geo.asn}" } } } }],
    ];
  for (const [isAsked, tables] of asked) {
    const config = configWith([["maxmind", path]], tables);
    const running = await started(module, await contextFor(config), READERS);
    const steps = running.plan(vhostScope(config));
    assert.equal(steps !== undefined, isAsked, JSON.stringify(tables));
    await running.stop();
  }
});

Deno.test("an unknown address is nowhere", async () => {
  using folder = new Folder();
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)]]);
  const running = await started(module, await contextFor(config));
  for (const address of ["", "10.0.0.1"]) {
    const exchange = identified(running, config, address);
    assert.equal(exchange.findings.country, "");
    assert.equal(exchange.findings.asn, null);
    assert.equal(
      running.explain?.(vhostScope(config), exchange),
      "country unknown, AS number unknown",
    );
  }
  await running.stop();
});

Deno.test("a later database only adds what the ones before do not know", async () => {
  using folder = new Folder();
  const config = configWith([
    ["maxmind", folder.put("country", COUNTRIES)],
    ["circl-geo-open", folder.put("combined", COMBINED)],
  ]);
  const running = await started(module, await contextFor(config));
  const both = identified(running, config, "192.0.2.9");
  assert.deepEqual([both.findings.country, both.findings.asn], ["SE", 1]);
  const second = identified(running, config, "203.0.113.9");
  assert.deepEqual([second.findings.country, second.findings.asn], ["DK", 64502]);
  await running.stop();
});

Deno.test("fallback_enabled = false asks the first database only, and needs no other", async () => {
  using folder = new Folder();
  const config = configWith([
    ["maxmind", folder.put("country", COUNTRIES)],
    ["circl-geo-open", folder.path("absent")],
  ], { fallback_enabled: false });
  const { files, grants } = needsOf(module, config);
  assert.deepEqual(files?.map(({ path }) => path), [folder.path("country")]);
  assert.deepEqual(grants?.read?.map(({ value }) => value), [folder.path("country")]);
  const running = await started(module, await contextFor(config));
  assert.equal(identified(running, config, "203.0.113.9").findings.country, "");
  await running.stop();
});

Deno.test("what is read of a database is shared and not copied", async () => {
  using folder = new Folder();
  const path = folder.put("country", COUNTRIES);
  const config = configWith([["maxmind", path]]);
  const { files } = await readFor(config);
  const content = files.get(path);
  assert.ok(content?.buffer instanceof SharedArrayBuffer);
  const running = await started(module, { ...contextOf(config, [module]), files });
  assert.equal(identified(running, config, "192.0.2.9").findings.country, "SE");
  // No thread writes to it but in this test, which shows that there is one copy.
  content.set(
    new TextEncoder().encode("FI"),
    new TextDecoder("latin1").decode(content.slice()).indexOf("SE"),
  );
  assert.equal(identified(running, config, "192.0.2.10").findings.country, "FI");
  await running.stop();
});

Deno.test("workers may read no database themselves", () => {
  const { grants } = needsOf(module, configWith([["maxmind", "/x.mmdb"]]));
  assert.deepEqual(grants?.read?.map((grant) => grant.for), ["keeper"]);
});

Deno.test("the key of each database that cannot be read is named", async () => {
  using folder = new Folder();
  Deno.symlinkSync(folder.put("country", COUNTRIES), folder.path("link"));
  const config = configWith([
    ["maxmind", folder.path("absent")],
    ["maxmind", folder.path("link")],
  ]);
  assert.deepEqual((await readFor(config)).problems, [
    { key: "geoip.databases[0].path", message: `${folder.path("absent")} must exist` },
    {
      key: "geoip.databases[1].path",
      message: `${folder.path("link")} must be a regular file and not a symbolic link`,
    },
  ]);
});

Deno.test("a file that is no database is refused", async () => {
  using folder = new Folder();
  const bad = folder.put("bad", "no database");
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)], ["maxmind", bad]]);
  assert.deepEqual((await readFor(config)).problems, [
    { key: "geoip.databases[1].path", message: `${bad} is not a MaxMind DB (MMDB) file` },
  ]);
});

Deno.test("preflight refuses a database of a stranger", async () => {
  using folder = new Folder();
  const path = folder.put("country", COUNTRIES);
  const { uid } = Deno.statSync(path);
  const problems = await module.preflight?.(configWith([["maxmind", path]]), systemOf(4242));
  const expected = uid === 0 ? [] : [`${path} must belong to root or to the service user`];
  assert.deepEqual(problems?.map(({ message }) => message), expected);
});

Deno.test("rules that no database looks able to answer are warned about", async () => {
  using folder = new Folder();
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)]], {
    access: { deny_countries: ["SE"], allow_asns: [64500] },
  });
  const message =
    "policies ask for AS numbers, which databases of type GeoLite2-Country do not contain";
  assert.deepEqual((await readFor(config, [module, ...READERS])).problems, [
    { key: "geoip.databases", message, warning: true },
  ]);
  const log = listening();
  const running = await started(module, { ...await contextFor(config), log }, READERS);
  assert.deepEqual(log.lines, [`warn fluxheim::security geoip: ${message}`]);
  await running.stop();
});

Deno.test("an empty list of databases and an unknown provider are refused with the key", () => {
  const keys = (value: unknown) => {
    const result = geoipSchema.safeParse(value);
    return result.success ? [] : result.error.issues.map((issue) => issue.path.join("."));
  };
  assert.deepEqual(keys({ enabled: true }), ["databases"]);
  assert.deepEqual(keys({ databases: [{ provider: "dbip", path: "/x" }] }), [
    "databases.0.provider",
  ]);
  const nine = new Array(9).fill({ provider: "maxmind", path: "/x" });
  assert.deepEqual(keys({ databases: nine }), ["databases"]);
  assert.deepEqual(keys({}), []);
});
