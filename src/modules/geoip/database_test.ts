import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DatabaseError, GeoDatabase, NOWHERE } from "./database.ts";
import { type MmdbContent, mmdbFile } from "./testing/mmdb.ts";
import type { GeoProvider } from "./schema.ts";

const COUNTRIES: MmdbContent = {
  type: "GeoLite2-Country",
  networks: {
    "192.0.2.0/24": { country: { iso_code: "SE" }, registered_country: { iso_code: "US" } },
    "198.51.100.0/25": { registered_country: { iso_code: "no" } },
    "198.51.100.128/25": { continent: { code: "EU" } },
    "2001:db8::/32": { country: { iso_code: "DK" } },
    "203.0.113.0/24": { country: { iso_code: "XYZ" } },
  },
};

function open(content: MmdbContent, provider: GeoProvider = "maxmind"): Promise<GeoDatabase> {
  return GeoDatabase.prove(mmdbFile(content), provider);
}

Deno.test("countries are reported in upper case, the registered one where there is no other", async () => {
  for (const recordSize of [24, 28, 32] as const) {
    const database = await open({ ...COUNTRIES, recordSize });
    assert.equal(database.lookup("192.0.2.7").country, "SE");
    assert.equal(database.lookup("198.51.100.7").country, "NO");
    assert.equal(database.lookup("2001:db8::7").country, "DK");
    assert.equal(database.tellsCountry, true);
    assert.equal(database.tellsAsn, false);
  }
});

Deno.test("an address without a record, or without a country in it, is nowhere", async () => {
  const database = await open(COUNTRIES);
  assert.deepEqual(database.lookup("10.0.0.1"), NOWHERE);
  assert.deepEqual(database.lookup("198.51.100.200"), NOWHERE);
  assert.deepEqual(database.lookup("203.0.113.1"), NOWHERE);
  assert.deepEqual(database.lookup(""), NOWHERE);
});

Deno.test("an IPv4 database knows nothing of IPv6 addresses", async () => {
  const database = await open({
    type: "Country",
    ipVersion: 4,
    networks: { "32.0.0.0/8": { country: { iso_code: "SE" } } },
  });
  assert.equal(database.lookup("32.1.2.3").country, "SE");
  assert.deepEqual(database.lookup("2001:db8::1"), NOWHERE);
});

Deno.test("autonomous systems are reported by number", async () => {
  const database = await open({
    type: "GeoLite2-ASN",
    networks: {
      "192.0.2.0/24": { autonomous_system_number: 64500, autonomous_system_organization: "x" },
      "198.51.100.0/24": { autonomous_system_number: 0 },
    },
  });
  assert.deepEqual(database.lookup("192.0.2.1"), { country: "", asn: 64500 });
  assert.deepEqual(database.lookup("198.51.100.1"), NOWHERE);
  assert.equal(database.tellsAsn, true);
  assert.equal(database.tellsCountry, false);
});

Deno.test("the combined Geo Open database tells the number as text beside the country", async () => {
  const database = await open({
    type: "Geo-Open-Country-ASN",
    networks: {
      "192.0.2.0/24": { country: { iso_code: "LU", AutonomousSystemNumber: "2602" } },
      "198.51.100.0/24": { country: { iso_code: "LU", AutonomousSystemNumber: "AS2602" } },
    },
  }, "circl-geo-open");
  assert.deepEqual(database.lookup("192.0.2.1"), { country: "LU", asn: 2602 });
  assert.deepEqual(database.lookup("198.51.100.1"), { country: "LU", asn: null });
});

Deno.test("what is not a database is refused as such", async () => {
  for (const bytes of ["", "not a database", "\xab\xcd\xefMaxMind"]) {
    await assert.rejects(
      GeoDatabase.prove(Buffer.from(bytes, "latin1"), "maxmind"),
      new DatabaseError("is not a MaxMind DB (MMDB) file"),
    );
  }
});

Deno.test("a database without readable metadata is refused", async () => {
  const file = Buffer.from("\xab\xcd\xefMaxMind.com\xff\xff", "latin1");
  await assert.rejects(GeoDatabase.prove(file, "maxmind"), /metadata cannot be read/);
});

Deno.test("a database cut short in its tree is refused", async () => {
  const file = mmdbFile(COUNTRIES);
  await assert.rejects(GeoDatabase.prove(file.subarray(400), "maxmind"), /is damaged/);
});

Deno.test("a database whose tree points outside of it is refused", async () => {
  for (const recordSize of [24, 28, 32] as const) {
    const file = mmdbFile({ ...COUNTRIES, recordSize });
    file.fill(0xff, 0, 3);
    await assert.rejects(
      GeoDatabase.prove(file, "maxmind"),
      /node 0 of its search tree points outside/,
    );
  }
});

Deno.test("a database whose records do not decode is refused", async () => {
  const file = mmdbFile({ type: "Country", networks: { "0.0.0.0/0": { country: "SE" } } });
  const record = file.indexOf("country") - 2;
  file[record] = 0;
  file[record + 1] = 250;
  await assert.rejects(GeoDatabase.prove(file, "maxmind"), /records cannot be read/);
});
