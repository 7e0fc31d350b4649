import assert from "node:assert/strict";
import { didYouMean, nearestWord } from "./did_you_mean.ts";

const KEYS = ["hosts", "name", "routes", "proxy", "max_request_body_bytes"];

Deno.test("a slip of one or two letters finds its word", () => {
  assert.equal(nearestWord("host", KEYS), "hosts");
  assert.equal(nearestWord("nmae", KEYS), "name");
  assert.equal(nearestWord("rotues", KEYS), "routes");
  assert.equal(nearestWord("prxoy", KEYS), "proxy");
});

Deno.test("case and hyphens do not count", () => {
  assert.equal(nearestWord("Max-Request-Body-Bytes", KEYS), "max_request_body_bytes");
  assert.equal(nearestWord("A-B-C-D", ["a_b_c_d"]), "a_b_c_d");
});

Deno.test("long words forgive more", () => {
  assert.equal(nearestWord("max_reqest_body_byte", KEYS), "max_request_body_bytes");
  assert.equal(nearestWord("mxn", KEYS), undefined);
});

Deno.test("a word that is far from all has no hint", () => {
  assert.equal(didYouMean("upstream", KEYS), undefined);
  assert.equal(didYouMean("prox", KEYS), 'did you mean "proxy"?');
});
