/** What is on disk: shared by gateways, cut short, removed, broken (spec 05 sections 6.5 and 6.6). */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, testWith, until } from "../testing/peer.ts";
import { certificateOf, startGateway } from "./testing/gateway.ts";
import { acmeConfig, acmeVhost, PEBBLE, Pebble } from "./testing/pebble.ts";
import { segmentOf } from "../../src/modules/acme/storage_names.ts";

const SOON = `renewal = { check_interval_secs = 1, retry_initial_secs = 1, retry_max_secs = 1 }`;

testWith(
  PEBBLE,
  "files have the modes of the layout, and nothing of a challenge stays",
  async () => {
    await using site = await startGateway();
    await until("the certificate is shown", () => site.isShown("shop.test"));
    const storage = `${site.gateway.dir.path}/acme`;
    const modeOf = (path: string) =>
      ((Deno.statSync(`${storage}/${path}`).mode ?? 0) & 0o777).toString(8);
    const shop = segmentOf("shop");
    assert.equal(modeOf(""), "700");
    assert.equal(modeOf(`certificates/${shop}`), "700");
    assert.equal(modeOf(`certificates/${shop}/fullchain.pem`), "644");
    assert.equal(modeOf(`certificates/${shop}/privkey.pem`), "600");
    assert.equal(modeOf(`accounts/${segmentOf("pebble")}/credentials.json`), "600");
    await until(
      "the challenge is removed",
      () => [...Deno.readDirSync(`${storage}/http-01/${shop}`)].length === 0,
    );
  },
);

testWith(
  PEBBLE,
  "two gateways with one storage and one address order once, and answer each other's challenges",
  async () => {
    // The issuer asks one gateway; the other one orders.
    await using site = await startGateway({ acme: `automation = "external"` });
    const [httpPort, tlsPort] = [freePort(), freePort()];
    const config = acmeConfig(site.pebble.directoryUrl, { httpPort, tlsPort }, SOON) +
      acmeVhost("shop", ["shop.test"]);
    const shared = `${site.gateway.dir.path}/acme`;
    await using other = await TestGateway.start(
      config.replace(`storage = "{dir}/acme"`, `storage = "${shared}"`),
      { "ca.pem": site.pebble.ca, "shop/index.html": "page of shop" },
    );
    assert.ok(other.port > 0);
    await until("both show it", async () => {
      const one = await site.shown("shop.test");
      const serial = (await certificateOf(tlsPort, "shop.test"))?.serialNumber;
      return one !== undefined && one === serial;
    });
    assert.equal(site.pebble.process.output.match(/Issued certificate/g)?.length, 1);
  },
);

testWith(
  PEBBLE,
  "half a pair on disk does not keep the gateway from serving, and is ordered anew",
  async () => {
    const [httpPort, tlsPort] = [freePort(), freePort()];
    await using pebble = await Pebble.start({ httpPort });
    const shop = segmentOf("shop");
    await using gateway = await TestGateway.start(
      acmeConfig(pebble.directoryUrl, { httpPort, tlsPort }) + acmeVhost("shop", ["shop.test"]),
      {
        "ca.pem": pebble.ca,
        "shop/index.html": "page of shop",
        [`acme/certificates/${shop}/fullchain.pem`]: "half of a certificate",
        [`acme/certificates/${shop}/privkey.pem`]: "",
      },
    );
    const answer = await fetch(gateway.url("/"), { headers: { host: "shop.test" } });
    assert.equal(await answer.text(), "page of shop");
    await until("a certificate is shown", async () => {
      const certificate = await certificateOf(tlsPort, "shop.test");
      return certificate?.subjectaltname === "DNS:shop.test";
    });
  },
);

testWith(
  PEBBLE,
  "a gateway that starts while its issuer is down serves, and orders when that is back",
  async () => {
    const [httpPort, tlsPort] = [freePort(), freePort()];
    const pebble = await Pebble.start({ httpPort });
    const port = pebble.port;
    await pebble[Symbol.asyncDispose]();
    await using gateway = await TestGateway.start(
      acmeConfig(pebble.directoryUrl, { httpPort, tlsPort }, SOON) +
        acmeVhost("shop", ["shop.test"]),
      { "ca.pem": pebble.ca, "shop/index.html": "page of shop" },
    );
    const answer = await fetch(gateway.url("/"), { headers: { host: "shop.test" } });
    assert.equal(await answer.text(), "page of shop");
    await until("a failure is logged", () => gateway.process.output.includes("it cannot be asked"));
    await using _ = await Pebble.start({ httpPort, port });
    await until("a certificate is shown", async () => {
      const certificate = await certificateOf(tlsPort, "shop.test");
      return certificate?.subjectaltname === "DNS:shop.test";
    });
  },
);

testWith(
  PEBBLE,
  "a certificate directory that is removed under a running gateway is filled again",
  async () => {
    await using site = await startGateway({ acme: SOON });
    await until("the certificate is shown", () => site.isShown("shop.test"));
    const first = await site.shown("shop.test");
    Deno.removeSync(`${site.gateway.dir.path}/acme/certificates`, { recursive: true });
    await until("another one is shown", async () => {
      const serial = await site.shown("shop.test");
      assert.ok(serial !== undefined, "a client got no certificate");
      return serial !== first;
    });
  },
);

testWith(PEBBLE, "a gateway that is killed during an order comes up and ends it", async () => {
  await using site = await startGateway({
    acme: SOON,
    pebble: { env: { PEBBLE_VA_NOSLEEP: "0", PEBBLE_VA_SLEEPTIME: "3" } },
  });
  await until(
    "the order is begun",
    () => site.pebble.process.output.includes("There are now 1 orders"),
  );
  await site.gateway.process.stop("SIGKILL");
  await using again = await site.restart();
  assert.ok(again.port > 0);
  // The issuer may have asked while nothing served: then that order is over, and another one is made.
  await until("the certificate is shown", () => site.isShown("shop.test"));
});
