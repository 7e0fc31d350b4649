/**
 * Writes `examples/geoip/places.mmdb`: a database of the Geo Open layout that knows a few networks
 * reserved for documents. A test holds the file to what this would write.
 *
 * @module
 */
import { mmdbFile } from "../../src/modules/geoip/testing/mmdb.ts";

/** Where it stands. */
export const PLACES = new URL("../../examples/geoip/places.mmdb", import.meta.url);

/** The bytes of it. */
export function places(): Uint8Array {
  const place = (iso_code: string, AutonomousSystemNumber: string) => ({
    country: { iso_code, AutonomousSystemNumber },
  });
  return mmdbFile({
    type: "Geo-Open-Country-ASN",
    networks: {
      "192.0.2.0/24": place("SE", "64500"),
      "198.51.100.0/24": place("SE", "64501"),
      "203.0.113.0/24": place("NO", "64502"),
      "2001:db8:5e::/48": place("SE", "64500"),
    },
  });
}

if (import.meta.main) Deno.writeFileSync(PLACES, places());
