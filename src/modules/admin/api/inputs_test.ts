import assert from "node:assert/strict";
import { HttpExchange } from "../../../http/exchange.ts";
import { Fields } from "../../../http/fields.ts";
import type { ConnectionFacts } from "../../../net/connection_facts.ts";
import { Inputs } from "./inputs.ts";

const CONNECTION: ConnectionFacts = {
  peerAddress: "127.0.0.1",
  peerPort: 1,
  peerIsDirect: true,
  localAddress: "127.0.0.1",
  localPort: 2,
  listener: "",
  tls: undefined,
};

function inputs(query: string | undefined, ...fields: [string, string][]): Inputs {
  const exchange = new HttpExchange(CONNECTION);
  exchange.query = query;
  exchange.request = Fields.of(...fields);
  return new Inputs(exchange);
}

Deno.test("a header wins over the query, and the first pair of a name over later ones", () => {
  assert.equal(inputs("to=b&to=c", ["X-To", "a"]).value("X-To", "to"), "a");
  assert.equal(inputs("to=b&to=c").value("X-To", "to"), "b");
  assert.equal(inputs("second=2&first=1").value("X-To", "first", "second"), "1");
});

Deno.test("nothing is decoded, and what is not a pair is ignored", () => {
  assert.equal(inputs("to=a%20b+c=d").value("X-To", "to"), "a%20b+c=d");
  assert.equal(inputs("to").value("X-To", "to"), undefined);
  assert.equal(inputs(undefined).value("X-To", "to"), undefined);
  assert.equal(inputs("to=a#b&c=d").value("X-To", "to"), "a");
});

Deno.test("a flag is set by either twin", () => {
  for (const word of ["1", "true", "YES", " On "]) {
    assert.ok(inputs(undefined, ["X-Live", word]).flag("X-Live", "live"), word);
  }
  assert.ok(inputs("live=1", ["X-Live", "0"]).flag("X-Live", "live"));
  assert.ok(!inputs("live=2", ["X-Live", "0"]).flag("X-Live", "live"));
});

Deno.test("every value of a repeated name is there, in order", () => {
  assert.deepEqual(inputs("path=/a&x=1&path=/b").all("path"), ["/a", "/b"]);
});

Deno.test("octets of a field are UTF-8 where they can be", () => {
  const octets = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  assert.equal(inputs(undefined, ["x-m", octets("größer 日本")]).value("X-M"), "größer 日本");
  assert.equal(inputs(undefined, ["x-m", "gr\xf6\xdfer"]).value("X-M"), "größer");
  assert.equal(inputs(undefined, ["x-m", "plain"]).value("X-M"), "plain");
});
