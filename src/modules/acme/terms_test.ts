import assert from "node:assert/strict";
import { Fixture } from "./testing/renewer_fixture.ts";
import { issuersOf } from "./table.ts";
import { acmeSchema } from "./schema.ts";
import { isTermsUrl } from "./terms.ts";

const URL_1 = "https://issuer.test/terms/1";
const URL_2 = "https://issuer.test/terms/2";

type Keys = Record<string, string | boolean>;
/** Keys of the issuer, what its directory advertises, and what it hears, or why it hears nothing. */
const CASES: readonly (readonly [Keys, string | undefined, boolean | RegExp])[] = [
  [{}, URL_1, true],
  [{}, undefined, true],
  [{ terms_of_service_url: URL_1 }, URL_1, true],
  [{ terms_of_service_url: URL_1 }, URL_2, /are https:\S+2, and not those of terms_of_service_url/],
  [{ terms_of_service_url: URL_1 }, `${URL_1}/`, /not those of/],
  [{ terms_of_service_url: URL_1 }, `${URL_1}\n`, /terms\/1, and not those of/],
  [{ terms_of_service_url: URL_1 }, undefined, /allow_unadvertised_terms_of_service/],
  [
    { terms_of_service_url: URL_1, allow_unadvertised_terms_of_service: true },
    undefined,
    true,
  ],
  [{ terms_of_service_url: URL_1, allow_unadvertised_terms_of_service: true }, URL_2, /not those/],
  [{ terms_of_service_agreed: false }, URL_1, /terms_of_service_agreed is false/],
  [{ terms_of_service_agreed: false }, undefined, false],
];
for (const [keys, advertised, expected] of CASES) {
  const set = Object.entries(keys).map(([key, value]) => `${key} = ${value}`).join(", ") ||
    "no key";
  const what = `${set}, where the issuer has ${JSON.stringify(advertised) ?? "no terms"}`;
  const how = typeof expected === "boolean" ? `agrees: ${expected}` : "makes no account";
  Deno.test(`${what}: ${how}`, async () => {
    await using fixture = new Fixture();
    fixture.issuer.terms = advertised;
    const directory_url = fixture.issuer.directoryUrl;
    const [issuer] = issuersOf(acmeSchema.parse({
      default_issuer: "fake",
      issuers: [{ name: "fake", directory_url, ...keys }],
    }));
    const outcome = await fixture.renewer.renew({ ...fixture.target, issuer });
    const accounts = fixture.issuer.seen.filter(({ kind }) => kind === "newAccount");
    if (typeof expected === "boolean") {
      assert.equal(outcome.kind, "renewed");
      assert.deepEqual(accounts.map(({ payload }) => payload.termsOfServiceAgreed), [expected]);
    } else {
      assert.match(outcome.kind === "failed" ? outcome.error : outcome.kind, expected);
      assert.equal(accounts.length, 0);
    }
  });
}

Deno.test("an address of terms is a URL of the web", () => {
  for (const url of [URL_1, "http://issuer.test/a.pdf?x=1#y"]) assert.ok(isTermsUrl(url), url);
  for (const url of ["", "issuer.test", "https://", "https://a b", `${URL_1}\n`, "ftp://a/b"]) {
    assert.equal(isTermsUrl(url), false, url);
  }
  assert.throws(() =>
    acmeSchema.parse({
      issuers: [{
        name: "a",
        directory_url: "https://issuer.test/dir",
        terms_of_service_agreed: false,
        terms_of_service_url: URL_1,
      }],
    }), /terms_of_service_agreed is false/);
});
