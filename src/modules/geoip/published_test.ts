/** The databases that MaxMind publishes for tests of readers, where the folder that holds them is there. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { GeoDatabase } from "./database.ts";

const FOLDER = new URL("../../../../shared/data/mmdb/", import.meta.url);

function isThere(): boolean {
  try {
    return Deno.statSync(FOLDER).isDirectory;
  } catch {
    return false;
  }
}

const ignore = !isThere();
const name = (text: string) =>
  ignore ? `${text} (skipped: no folder of published databases)` : text;

async function open(file: string): Promise<GeoDatabase> {
  return await GeoDatabase.prove(
    Buffer.from(await Deno.readFile(new URL(file, FOLDER))),
    "maxmind",
  );
}

Deno.test({ name: name("published databases tell countries and networks"), ignore }, async () => {
  assert.equal((await open("GeoIP2-Country-Test.mmdb")).lookup("81.2.69.142").country, "GB");
  assert.equal((await open("GeoLite2-City-Test.mmdb")).lookup("2001:218::1").country, "JP");
  assert.equal((await open("GeoLite2-ASN-Test.mmdb")).lookup("1.128.0.1").asn, 1221);
  assert.equal((await open("GeoIP2-ISP-Test.mmdb")).lookup("1.128.0.1").asn, 1221);
});

Deno.test(
  { name: name("published trees of every record size are taken as whole"), ignore },
  async () => {
    for (const size of [24, 28, 32]) {
      for (const kind of ["ipv4", "ipv6", "mixed"]) {
        await open(
          `MaxMind-DB-test-${kind}-${size}.mmdb`,
        );
      }
    }
  },
);

Deno.test({ name: name("published broken databases are refused as damaged"), ignore }, async () => {
  for (
    const file of [
      "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
      "MaxMind-DB-test-broken-pointers-24.mmdb",
    ]
  ) await assert.rejects(open(file), /is damaged/, file);
});
