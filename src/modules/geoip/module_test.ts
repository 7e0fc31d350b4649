import assert from "node:assert/strict";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import type { RunningModule } from "../../gateway/module.ts";
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
import { until } from "../../net/testing/until.ts";
import { loggingSchema } from "../../config/schema/logging_schema.ts";
import { accessSchema } from "../access/schema.ts";
import { headersSchema } from "../headers/schema.ts";
import { identify, openDatabase } from "./database_file.ts";
import { type MmdbContent, mmdbFile } from "./testing/mmdb.ts";
import { module as access } from "../access/module.ts";
import { module as headers } from "../headers/module.ts";
import { module } from "./module.ts";
import { Places } from "./places.ts";
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

/** Ticks of the clock after which the files are looked at. */
const REFRESH_TICKS = 20;

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
  const running = await started(module, contextOf(config, [module]));
  const exchange = identified(running, config, "192.0.2.9");
  assert.equal(exchange.geoCountry, "SE");
  assert.equal(exchange.geoAsn, 64500);
  assert.equal(running.plan(routeScope(config)), undefined);
  assert.equal(running.explain?.(vhostScope(config), exchange), "country SE, AS number 64500");
  await running.stop();
});

Deno.test("nobody is looked up where neither the log nor a policy asks", async () => {
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
    const running = await started(module, contextOf(config, [module]), READERS);
    const steps = running.plan(vhostScope(config));
    assert.equal(steps !== undefined, isAsked, JSON.stringify(tables));
    await running.stop();
  }
});

Deno.test("an unknown address is nowhere", async () => {
  using folder = new Folder();
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)]]);
  const running = await started(module, contextOf(config, [module]));
  for (const address of ["", "10.0.0.1"]) {
    const exchange = identified(running, config, address);
    assert.equal(exchange.geoCountry, "");
    assert.equal(exchange.geoAsn, null);
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
  const running = await started(module, contextOf(config, [module]));
  const both = identified(running, config, "192.0.2.9");
  assert.deepEqual([both.geoCountry, both.geoAsn], ["SE", 1]);
  const second = identified(running, config, "203.0.113.9");
  assert.deepEqual([second.geoCountry, second.geoAsn], ["DK", 64502]);
  await running.stop();
});

Deno.test("fallback_enabled = false asks the first database only, and needs no other", async () => {
  using folder = new Folder();
  const config = configWith([
    ["maxmind", folder.put("country", COUNTRIES)],
    ["circl-geo-open", folder.path("absent")],
  ], { fallback_enabled: false });
  assert.deepEqual(needsOf(module, config).grants?.read?.map(({ value }) => value), [
    folder.path("country"),
    folder.path("country"),
  ]);
  const running = await started(module, contextOf(config, [module]));
  assert.equal(identified(running, config, "203.0.113.9").geoCountry, "");
  await running.stop();
});

Deno.test("a database that is replaced is taken up while serving", async () => {
  using folder = new Folder();
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)]]);
  const context = contextOf(config, [module], { log: listening() });
  const running = await started(module, context);
  assert.equal(identified(running, config, "192.0.2.9").geoCountry, "SE");
  folder.put("country", {
    type: "GeoLite2-Country",
    networks: { "192.0.2.0/24": { country: { iso_code: "FI" } } },
  });
  for (let i = 0; i < REFRESH_TICKS; i++) context.clock.tick();
  await until(
    "the new database is asked",
    () => identified(running, config, "192.0.2.9").geoCountry === "FI",
  );
  await running.stop();
});

Deno.test("a bad replacement is logged once and leaves the database in use", async () => {
  using folder = new Folder();
  const path = folder.put("country", COUNTRIES);
  const { geoip } = configWith([["maxmind", path]]);
  assert.ok(geoip !== undefined);
  const log = listening();
  const places = await Places.open(geoip, log);
  folder.put("country", "no database");
  await places.refresh();
  await places.refresh();
  Deno.removeSync(path);
  await places.refresh();
  await places.refresh();
  assert.deepEqual(log.lines, [
    `error fluxheim geoip: ${path} is not a MaxMind DB (MMDB) file; the one in use stays`,
    `error fluxheim geoip: ${path} must exist; the one in use stays`,
  ]);
  assert.equal(places.lookup("192.0.2.9").country, "SE");
  folder.put("country", COUNTRIES);
  await places.refresh();
  assert.equal(
    log.lines.at(-1),
    `info fluxheim geoip: database ${path} was replaced and is in use`,
  );
});

Deno.test("a database that is open is not read again for a later snapshot", async () => {
  using folder = new Folder();
  const path = folder.put("country", COUNTRIES);
  const first = await openDatabase(path, "maxmind", await identify(path));
  assert.equal(await openDatabase(path, "maxmind", await identify(path)), first);
  folder.put("country", COUNTRIES);
  assert.notEqual(await openDatabase(path, "maxmind", await identify(path)), first);
});

Deno.test("preflight names the key of each database that cannot be used", async () => {
  using folder = new Folder();
  Deno.symlinkSync(folder.put("country", COUNTRIES), folder.path("link"));
  const config = configWith([
    ["maxmind", folder.path("absent")],
    ["maxmind", folder.path("link")],
  ]);
  assert.deepEqual(await module.preflight?.(config, systemOf()), [
    { key: "geoip.databases[0].path", message: `${folder.path("absent")} must exist` },
    {
      key: "geoip.databases[1].path",
      message: `${folder.path("link")} must be a regular file and not a symbolic link`,
    },
  ]);
});

Deno.test("preflight refuses a file that is no database", async () => {
  using folder = new Folder();
  const bad = folder.put("bad", "no database");
  const config = configWith([["maxmind", folder.put("country", COUNTRIES)], ["maxmind", bad]]);
  assert.deepEqual(await module.preflight?.(config, systemOf()), [
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
    "policies ask for AS numbers, which databases of type GeoLite2-Country do not tell";
  assert.deepEqual(await module.preflight?.(config, systemOf(-1, READERS)), [
    { key: "geoip.databases", message, warning: true },
  ]);
  const log = listening();
  const running = await started(module, contextOf(config, [module], { log }), READERS);
  assert.deepEqual(log.lines, [`warn fluxheim::security geoip: ${message}`]);
  await running.stop();
});

Deno.test("a worker does not start with a database that cannot be used", async () => {
  using folder = new Folder();
  const config = configWith([["maxmind", folder.path("absent")]]);
  await assert.rejects(started(module, contextOf(config, [module])), /absent\.mmdb must exist/);
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
