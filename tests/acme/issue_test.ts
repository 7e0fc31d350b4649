/** Certificates from a real issuer by HTTP-01 (spec 05 sections 6.7 to 6.9). */
import assert from "node:assert/strict";
import { testWith, until } from "../testing/peer.ts";
import { PEBBLE } from "./testing/pebble.ts";
import { startGateway } from "./testing/gateway.ts";

testWith([...PEBBLE, "curl"], "a gateway with a host name and an email serves HTTPS", async () => {
  const site = await startGateway({ hosts: ["shop.test", "www.shop.test"] });
  await using _ = site;
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
