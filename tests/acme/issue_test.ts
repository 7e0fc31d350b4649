/** Certificates from a real issuer by HTTP-01 (spec 05 sections 6.3 and 6.7 to 6.9). */
import assert from "node:assert/strict";
import { freePort, testWith, until } from "../testing/peer.ts";
import { certificateOf, startGateway } from "./testing/gateway.ts";
import { PEBBLE } from "./testing/pebble.ts";

/** Looks at what is due at once, and again soon after a failure. */
const SOON = `renewal = { check_interval_secs = 1, retry_initial_secs = 1, retry_max_secs = 1 }`;

testWith([...PEBBLE, "curl"], "a gateway with a host name and an email serves HTTPS", async () => {
  await using site = await startGateway({ hosts: ["shop.test", "www.shop.test"] });
  const { gateway, tlsPort, pebble } = site;
  await until("the certificate is shown", () => site.isShown("shop.test"));
  const root = gateway.dir.write("root.pem", await pebble.root());
  const { stdout, success } = await new Deno.Command("curl", {
    args: [
      "-sS",
      "--cacert",
      root,
      "--resolve",
      `www.shop.test:${tlsPort}:127.0.0.1`,
      `https://www.shop.test:${tlsPort}/`,
    ],
  }).output();
  assert.ok(success);
  assert.equal(new TextDecoder().decode(stdout), "page of shop");
});

testWith(
  PEBBLE,
  "HTTP is served before there is a certificate, and a TLS client is refused",
  async () => {
    // Nothing answers on the port where the issuer asks.
    await using site = await startGateway({
      pebble: { address: "127.0.0.2", env: { PEBBLE_AUTHZREUSE: "0" } },
    });
    const answer = await fetch(site.gateway.url("/"), { headers: { host: "shop.test" } });
    assert.equal(await answer.text(), "page of shop");
    assert.equal(await certificateOf(site.tlsPort, "shop.test"), undefined);
    await until(
      "the failure is logged",
      () => site.gateway.process.output.includes("got no certificate"),
    );
    assert.match(site.gateway.process.output, /shop\.test could not be proven/);
    assert.match(site.gateway.process.output, /it has no certificate until then/);
  },
);

testWith(
  PEBBLE,
  "short certificates are renewed at half of their life, and no connection fails",
  async () => {
    await using site = await startGateway({ acme: SOON, pebble: { validitySecs: 16 } });
    await until("the first certificate is shown", () => site.isShown("shop.test"));
    const seen = new Set<string>();
    await until("three certificates were shown", async () => {
      const serial = await site.shown("shop.test");
      assert.ok(serial !== undefined, "a client got no certificate");
      seen.add(serial);
      return seen.size === 3;
    });
    const orders = site.pebble.process.output.match(/Issued certificate/g)?.length ?? 0;
    assert.ok(orders <= seen.size + 1, `${orders} orders for ${seen.size} certificates`);
  },
);

testWith(PEBBLE, "an issuer that refuses half of all nonces gets its order done", async () => {
  await using site = await startGateway({ pebble: { env: { PEBBLE_WFE_NONCEREJECT: "50" } } });
  await until("the certificate is shown", () => site.isShown("shop.test"));
});

const EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

testWith(PEBBLE, "an issuer that asks for an external account binding gets one", async () => {
  await using site = await startGateway({
    issuer: `[tls.acme.issuers.eab]\nkey_id_file = "{dir}/kid"\nhmac_key_file = "{dir}/hmac.key"`,
    files: { "kid": "kid-1\n", "hmac.key": `${EAB_KEY}\n` },
    pebble: { eab: { "kid-1": EAB_KEY } },
  });
  await until("the certificate is shown", () => site.isShown("shop.test"));
  assert.ok(!site.gateway.process.output.includes(EAB_KEY));
});

testWith(
  PEBBLE,
  "an issuer that asks for a binding that is not configured is named with the key",
  async () => {
    await using site = await startGateway({ pebble: { eab: { "kid-1": EAB_KEY } } });
    await until(
      "the failure is logged",
      () => site.gateway.process.output.includes("set tls.acme.issuers.eab"),
    );
  },
);

const GUARDED = `
[server.https_redirect]
enabled = true
[[vhosts]]
name = "guarded"
hosts = ["guarded.test"]
max_request_body_bytes = 1
[vhosts.web]
root = "{dir}/shop"
deny_dotfiles = true
[vhosts.access]
enabled = true
allow = ["192.0.2.1"]
[vhosts.rate_limit]
enabled = true
requests_per_second = 1
burst = 1
[vhosts.tls]
enabled = true
[vhosts.tls.acme]
enabled = true
`;

testWith(
  PEBBLE,
  "challenges are answered before access rules, limits and the redirect",
  async () => {
    await using site = await startGateway({ more: GUARDED });
    await until("the certificate is shown", () => site.isShown("guarded.test"));
  },
);

for (const type of ["p256", "p384", "rsa2048"]) {
  testWith(PEBBLE, `a certificate is for a key of the type ${type}`, async () => {
    await using site = await startGateway({ acme: `key_type = "${type}"` });
    await until("the certificate is shown", () => site.isShown("shop.test"));
    const { bits = 0 } = await certificateOf(site.tlsPort, "shop.test") ?? {};
    assert.equal(bits, Number(/\d+$/.exec(type)?.[0]));
  });
}

testWith(PEBBLE, "events, due times and the end of a certificate are metrics", async () => {
  const port = freePort();
  await using site = await startGateway({
    more: `[metrics]\nenabled = true\nlisten = "127.0.0.1:${port}"\n`,
  });
  await until("the certificate is shown", () => site.isShown("shop.test"));
  await until("all of it is exposed", async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return [
      `fluxheim_acme_events_total{event="pending"} 1`,
      `fluxheim_acme_events_total{event="renewed"} 1`,
      `fluxheim_acme_events_total{event="reload_success"} 1`,
      `fluxheim_acme_consecutive_failures{certificate="shop"} 0`,
      `fluxheim_acme_due_timestamp_seconds{certificate="shop"} `,
      `fluxheim_tls_certificate_expiry_timestamp_seconds{certificate="vhosts[0].tls.acme"} `,
    ].every((line) => text.includes(line));
  });
});
