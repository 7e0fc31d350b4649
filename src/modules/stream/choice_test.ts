import assert from "node:assert/strict";
import { Choice } from "./choice.ts";

function route(name: string, names: string[] = [], protocols: string[] = []) {
  return { route: name, names, protocols };
}

Deno.test("an exact name comes before a wildcard, and that before a route for every name", () => {
  const choice = new Choice([
    route("rest"),
    route("wild", ["*.example.test"]),
    route("exact", ["mail.example.test"]),
  ]);
  assert.equal(choice.of("mail.example.test", []), "exact");
  assert.equal(choice.of("www.example.test", []), "wild");
  assert.equal(choice.of("example.test", []), "rest");
  assert.equal(choice.of("a.b.example.test", []), "rest");
  assert.equal(choice.of("", []), "rest");
});

Deno.test("case and the final dot of a name do not matter", () => {
  const choice = new Choice([route("exact", ["mail.example.test"])]);
  assert.equal(choice.of("MAIL.Example.Test.", []), "exact");
  assert.equal(choice.of("mail.example.test.evil", []), undefined);
});

Deno.test("a protocol decides among routes of one name", () => {
  const choice = new Choice([
    route("web", ["a.test"]),
    route("imap", ["a.test"], ["imap", "imap4"]),
    route("acme", [], ["acme-tls/1"]),
  ]);
  assert.equal(choice.of("a.test", ["imap4"]), "imap");
  assert.equal(choice.of("a.test", ["h2"]), "web");
  assert.equal(choice.of("b.test", ["h2", "acme-tls/1"]), "acme");
  assert.equal(choice.of("b.test", ["h2"]), undefined);
});

Deno.test("a listener with one route for everything is not looked into", () => {
  assert.equal(new Choice([route("all")]).isByHello, false);
  assert.equal(new Choice([route("all"), route("one", ["a.test"])]).isByHello, true);
});
