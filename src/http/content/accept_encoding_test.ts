import assert from "node:assert/strict";
import fc from "fast-check";
import { acceptedCodings, CodingChoice } from "./accept_encoding.ts";
import { Fields } from "../fields.ts";

const ALL = ["br", "zstd", "gzip"];

function accepted(field: string, available = ALL): string {
  return acceptedCodings(field, available).join(" ");
}

Deno.test("codings of equal weight come in the order the server likes them", () => {
  assert.equal(accepted("gzip, deflate, br, zstd"), "br zstd gzip");
  assert.equal(accepted("gzip, deflate, br, zstd", ["gzip"]), "gzip");
});

Deno.test("a higher weight goes first", () => {
  assert.equal(accepted("br;q=0.5, gzip;q=0.9, zstd;q=0.7"), "gzip zstd br");
});

Deno.test("a weight of zero refuses", () => {
  assert.equal(accepted("br;q=0, gzip"), "gzip");
  assert.equal(accepted("gzip;q=0.000"), "");
});

Deno.test("a star stands for what is not named", () => {
  assert.equal(accepted("*"), "br zstd gzip");
  assert.equal(accepted("*;q=0.5, gzip"), "gzip br zstd");
  assert.equal(accepted("br;q=0, *"), "zstd gzip");
  assert.equal(accepted("gzip, *;q=0"), "gzip");
});

Deno.test("identity competes when it is named", () => {
  assert.equal(accepted("identity, gzip;q=0.5"), "");
  assert.equal(accepted("identity;q=0.5, gzip;q=0.5, br;q=0.4"), "gzip");
  assert.equal(accepted("identity;q=0, gzip;q=0.1"), "gzip");
});

Deno.test("names and the q have no case, and white space around them does not count", () => {
  assert.equal(accepted(" GZip ;\tQ=0.5 "), "gzip");
});

Deno.test("a field that is not wholly understood asks for nothing", () => {
  for (
    const field of [
      "",
      ",",
      "gzip,",
      ",gzip",
      "gzip,,br",
      "gzip;",
      "gzip;level=9",
      "gzip;q=0.5;q=1",
      "gzip;q=0.5;level=9",
      "gzip;q=1.1",
      "gzip;q=0.1234",
      "gzip;q=-1",
      "gzip;q=.5",
      "gzip;q=",
      "gzip;q= 1",
      "gzip q=1",
      "gz ip",
      "gzip, br;x",
      "gzip, gzip;q=0",
      "g".repeat(2000),
    ]
  ) assert.equal(accepted(field), "", JSON.stringify(field));
});

Deno.test("no field makes it throw, and nothing comes out that was not available", () => {
  const piece = fc.constantFrom("gzip", "br", "*", ";", "q=", "0.5", "1", "0", ",", " ", "\t", "x");
  const field = fc.oneof(fc.string(), fc.array(piece).map((pieces) => pieces.join("")));
  fc.assert(fc.property(field, (text) => {
    const codings = acceptedCodings(text, ALL);
    assert.equal(new Set(codings).size, codings.length);
    assert.ok(codings.every((coding) => ALL.includes(coding)));
  }));
});

Deno.test("several lines are one field, and no field asks for nothing", () => {
  const choice = new CodingChoice(ALL);
  const lines = Fields.of(["accept-encoding", "gzip;q=0.5"], ["accept-encoding", "br"]);
  assert.deepEqual(choice.of(lines), ["br", "gzip"]);
  assert.deepEqual(choice.of(new Fields()), []);
});

Deno.test("what is remembered is what would be read, however many fields come", () => {
  const choice = new CodingChoice(ALL);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 150; i++) {
      const field = `gzip;q=0.${i + 100}, br;q=0.200`;
      assert.deepEqual(
        choice.of(Fields.of(["accept-encoding", field])),
        acceptedCodings(field, ALL),
      );
    }
  }
});
