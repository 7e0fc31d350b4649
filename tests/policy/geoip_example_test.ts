import assert from "node:assert/strict";
import { PLACES, places } from "../tools/generate_geoip_example.ts";

Deno.test("the database of the GeoIP example is what its generator writes", () => {
  assert.deepEqual(Deno.readFileSync(PLACES), new Uint8Array(places()));
});
