import assert from "node:assert/strict";
import { newDirectory } from "../../../config/testing/files.ts";
import { acmeSchema } from "../schema.ts";
import { segmentOf } from "../storage_names.ts";
import { Records } from "./records.ts";

const RECORD = { name: "_acme-challenge.shop.test.", value: "A".repeat(43) };

Deno.test("a damaged list of records is kept aside and reported, and one that is whole is not", async () => {
  const storage = newDirectory();
  const acme = { ...acmeSchema.parse({}), storage, contact_email: "a@shop.test" };
  const path = `${storage}/dns-01/${segmentOf("shop")}.json`;
  Deno.mkdirSync(`${storage}/dns-01`);
  const damaged = ["[", "", "{}", JSON.stringify([RECORD, { ...RECORD, name: "www.shop.test." }])];
  for (const content of damaged) {
    Deno.writeTextFileSync(path, content);
    assert.match(await new Records(acme, "shop").removeLeft() ?? "", /may still be in the zone/);
    assert.equal(Deno.readTextFileSync(`${path}.damaged`), content);
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  }
  Deno.writeTextFileSync(path, JSON.stringify([RECORD]));
  assert.equal(await new Records(acme, "shop").removeLeft(), undefined);
  Deno.removeSync(storage, { recursive: true });
});
