/** Revocation, another key of an account, and its end, by the companion at a real issuer (spec 05, Beyond 1.5). */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { fileURLToPath } from "node:url";
import { testWith } from "../testing/peer.ts";
import { type Site, startGateway } from "./testing/gateway.ts";
import { PEBBLE } from "./testing/pebble.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

async function companion({ gateway }: Site, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", `${root}src/cli/companion.ts`, ...args].concat(
      "--config",
      gateway.configPath,
    ),
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

function read(directory: string, name: string): string {
  return Deno.readTextFileSync(`${directory}/${name}`);
}

/** The only directory below `directory`. */
function only(directory: string): string {
  const [{ name }] = [...Deno.readDirSync(directory)];
  return `${directory}/${name}`;
}

testWith(
  PEBBLE,
  "a revoked certificate is kept aside, and another one has another key",
  async () => {
    await using site = await startGateway({ acme: `automation = "external"` });
    assert.equal((await companion(site, "renew")).code, 0);
    const directory = only(`${site.gateway.dir.path}/acme/certificates`);
    const [cert, key] = ["fullchain.pem", "privkey.pem"].map((name) => read(directory, name));
    const unsure = await companion(site, "revoke", "--vhost", "shop");
    assert.equal(unsure.code, 1);
    assert.match(unsure.err, /cannot come back/);
    assert.equal(read(directory, "fullchain.pem"), cert);
    const { serialNumber } = new X509Certificate(cert);
    assert.equal(await site.pebble.statusOf(serialNumber), "Valid");
    const wrong = await companion(site, "revoke", "--vhost", "shop", "--confirm", "--reason", "x");
    assert.match(wrong.err, /--reason must be one of/);

    const done = await companion(
      site,
      ...["revoke", "--vhost", "shop", "--confirm", "--reason", "keyCompromise"],
    );
    assert.equal(done.code, 0, done.err);
    assert.equal(await site.pebble.statusOf(serialNumber), "Revoked");
    const renewed = new X509Certificate(read(directory, "fullchain.pem")).serialNumber;
    assert.equal(await site.pebble.statusOf(renewed), "Valid");
    assert.match(
      done.out,
      new RegExp(`^revoked: shop issuer=pebble reason=keyCompromise serial=${serialNumber} `),
    );
    assert.match(done.out, /renewed: shop[^]*certificate reload: ok/);
    assert.equal(read(directory, "fullchain.pem.revoked"), cert);
    assert.notEqual(read(directory, "fullchain.pem"), cert);
    assert.notEqual(read(directory, "privkey.pem"), key);
    assert.equal((Deno.statSync(`${directory}/privkey.pem.revoked`).mode ?? 0) & 0o777, 0o600);
    assert.ok(await site.isShown("shop.test"));

    // As after a command that was killed between the issuer's answer and the disk.
    for (const name of ["fullchain.pem", "privkey.pem"]) {
      Deno.renameSync(`${directory}/${name}.revoked`, `${directory}/${name}`);
    }
    const again = await companion(site, "revoke", "--vhost", "shop", "--confirm", "--no-renew");
    assert.equal(again.code, 0, again.err);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), [
      "fullchain.pem.revoked",
      "privkey.pem.revoked",
    ]);
  },
);

testWith(PEBBLE, "an account gets another key, also by a second command, and goes on", async () => {
  await using site = await startGateway({ acme: `automation = "external"` });
  const none = await companion(site, "account-rollover");
  assert.match(none.err, /there is no account at pebble/);
  assert.equal((await companion(site, "renew")).code, 0);
  const directory = only(`${site.gateway.dir.path}/acme/accounts`);
  const before = read(directory, "credentials.json");
  const unknown = await companion(site, "account-rollover", "--issuer", "other");
  assert.match(unknown.err, /there is no issuer "other"/);
  const changed = await companion(site, "account-rollover");
  assert.equal(changed.code, 0, changed.err);
  assert.match(changed.out, /^account: pebble has a new key/);
  const after = JSON.parse(read(directory, "credentials.json"));
  assert.equal(after.id, JSON.parse(before).id);
  assert.notEqual(after.key_pkcs8, JSON.parse(before).key_pkcs8);
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["credentials.json"]);

  // As after a command that was killed when the issuer had taken the key.
  Deno.writeTextFileSync(`${directory}/credentials.json`, before);
  Deno.writeTextFileSync(
    `${directory}/next-key.json`,
    JSON.stringify({ key_pkcs8: after.key_pkcs8 }),
  );
  const second = await companion(site, "account-rollover");
  assert.equal(second.code, 0, second.err);
  assert.equal(JSON.parse(read(directory, "credentials.json")).key_pkcs8, after.key_pkcs8);
  const renewed = await companion(site, "renew", "--force-renew");
  assert.equal(renewed.code, 0, renewed.out);
});

testWith(
  PEBBLE,
  "an account that was ended is not used again, also after a killed command",
  async () => {
    await using site = await startGateway({ acme: `automation = "external"` });
    assert.equal((await companion(site, "renew")).code, 0);
    const directory = only(`${site.gateway.dir.path}/acme/accounts`);
    const before = read(directory, "credentials.json");
    assert.match((await companion(site, "account-deactivate")).err, /--confirm/);
    assert.equal(read(directory, "credentials.json"), before);
    const ended = await companion(site, "account-deactivate", "--confirm");
    assert.equal(ended.code, 0, ended.err);
    assert.deepEqual([...Deno.readDirSync(directory)], []);

    const { id } = JSON.parse(before);
    Deno.writeTextFileSync(`${directory}/credentials.json`, before);
    Deno.writeTextFileSync(`${directory}/deactivating.json`, JSON.stringify({ id }));
    const again = await companion(site, "account-deactivate", "--confirm");
    assert.equal(again.code, 0, again.err);
    const renewed = await companion(site, "renew", "--force-renew");
    assert.equal(renewed.code, 0, renewed.out);
    assert.notEqual(JSON.parse(read(directory, "credentials.json")).id, id);
  },
);
