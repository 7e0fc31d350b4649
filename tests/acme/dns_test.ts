/** Proofs by DNS-01: wildcards, by dynamic update and by the operator's program. */
import assert from "node:assert/strict";
import { TempDir, testUnlessMissing, testWith, until } from "../testing/peer.ts";
import { Knot, KNOT_KEY } from "./testing/knot.ts";
import { certificateOf, type Site, startGateway } from "./testing/gateway.ts";
import { PEBBLE } from "./testing/pebble.ts";

const NAME = "_acme-challenge.shop.test";
const WILD = `domains = ["shop.test", "*.shop.test"]`;

function dnsTable(port: number, key: string): string {
  return `challenge = "dns-01"
[tls.acme.dns]
propagation_secs = 30
check_servers = ["127.0.0.1:${port}"]
${key}`;
}

const UPDATE = (port: number, zone = "shop.test") => `
[tls.acme.dns.update]
server = "127.0.0.1:${port}"
zone = "${zone}"
key_name = "update.key"
key_file = "{dir}/dns.key"
`;

testWith(
  [...PEBBLE, "knotd"],
  "a name and its wildcard are proven by dynamic updates, and other values stay",
  async () => {
    await using knot = await Knot.start(`_acme-challenge TXT "of another"`);
    await using site = await startGateway({
      hosts: ["shop.test", "*.shop.test"],
      acme: dnsTable(knot.port, UPDATE(knot.port)),
      vhost: WILD,
      files: { "dns.key": KNOT_KEY },
      pebble: { dnsServer: `127.0.0.1:${knot.port}` },
    });
    await until("the certificate is shown", () => site.isShown("shop.test"));
    assert.ok(await showsWildcard(site));
    await until("the records are gone", async () => (await knot.texts(NAME)).length === 1);
    assert.deepEqual(await knot.texts(NAME), ["of another"]);
  },
);

testWith(
  [...PEBBLE, "knotd"],
  "a server that does not know the key is named with what it says",
  async () => {
    await using knot = await Knot.start();
    await using site = await startGateway({
      acme: dnsTable(knot.port, UPDATE(knot.port)),
      files: { "dns.key": btoa("another key that the server has not") },
      pebble: { dnsServer: `127.0.0.1:${knot.port}` },
    });
    await until(
      "the failure is logged",
      () => /refuses the update of shop\.test: NOTAUTH/.test(site.gateway.process.output),
    );
  },
);

/** Whether a host that the wildcard stands for gets its certificate. */
async function showsWildcard({ tlsPort }: Site): Promise<boolean> {
  const certificate = await certificateOf(tlsPort, "any.shop.test");
  return certificate?.subjectaltname?.includes("DNS:*.shop.test") === true;
}

/** Puts records into a directory: one file a name, one line a value. */
const HOOK = `#!/bin/sh
file="DIR/$2txt"
case "$1" in
present) echo "$3" >> "$file"; echo "$#:$HOME" >> "DIR/environment" ;;
cleanup) grep -v -x -F -e "$3" "$file" > "$file.new"; mv "$file.new" "$file" ;;
esac
`;

testUnlessMissing(
  Deno.uid() === 0 ? [] : ["root"],
  "a program of the operator's is run without environment, and removes only what it has added",
  async () => {
    await using dir = new TempDir();
    const program = dir.write("dns-hook", HOOK.replaceAll("DIR", dir.path));
    Deno.chmodSync(program, 0o755);
    dir.write(`${NAME}.txt`, "of another\n");
    // No zone has what it writes: the issuer takes every name for proven.
    await using site = await startGateway({
      hosts: ["shop.test", "*.shop.test"],
      acme: `challenge = "dns-01"\n[tls.acme.dns]\nhook = "${program}"\npropagation_secs = 1`,
      vhost: WILD,
      pebble: { env: { PEBBLE_VA_ALWAYS_VALID: "1" } },
    });
    await until("the certificate is shown", () => showsWildcard(site));
    await until(
      "the records are gone",
      () => Deno.readTextFileSync(`${dir.path}/${NAME}.txt`) === "of another\n",
    );
    assert.equal(Deno.readTextFileSync(`${dir.path}/environment`), "3:\n3:\n");
  },
);
