/** Renewals by a command beside the gateway, and its reload socket (spec 05 sections 6.10 and 6.11). */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testWith, until } from "../testing/peer.ts";
import { type Site, startGateway } from "./testing/gateway.ts";
import { PEBBLE } from "./testing/pebble.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const EXTERNAL = `automation = "external"`;

/** Runs a program of the project. */
async function run(entry: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", `${root}${entry}`, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

function companion({ gateway }: Site, verb: string, ...args: string[]) {
  return run("src/cli/companion.ts", verb, "--config", gateway.configPath, ...args);
}

function fluxheim({ gateway }: Site, command: string, ...args: string[]) {
  return run("src/main.ts", command, "--config", gateway.configPath, ...args);
}

testWith(
  PEBBLE,
  "the companion orders, and the gateway answers its challenges and shows what it got",
  async () => {
    await using site = await startGateway({ acme: EXTERNAL });
    assert.equal(await site.isShown("shop.test"), false);
    const missing = await companion(site, "status");
    assert.match(missing.out, /^acme status targets: 1\ntarget: shop status=missing due_now=true /);
    const renewed = await companion(site, "renew");
    assert.equal(renewed.code, 0, renewed.err);
    assert.match(
      renewed.out,
      /^acme attempted: 1\nrenewed: shop issuer=pebble cert=.* challenges=1\n/,
    );
    assert.match(renewed.out, /certificate reload: ok/);
    assert.ok(await site.isShown("shop.test"));
    const again = await companion(site, "renew");
    assert.match(again.out, /acme status: no certificates are missing or due for renewal/);
    const targets = await companion(site, "targets");
    assert.match(
      targets.out,
      /target: shop issuer=pebble challenge=http-01 domains=shop\.test cert=/,
    );
    const valid = await companion(site, "status", "--vhost", "shop");
    assert.match(valid.out, /status=valid due_now=false due_at=\d+ not_after=\d+ issuer=pebble/);
    const unknown = await companion(site, "status", "--vhost", "other");
    assert.equal(unknown.code, 1);
  },
);

testWith(
  PEBBLE,
  "a forced renewal is shown after a reload by the socket, and before one is not asked for",
  async () => {
    await using site = await startGateway({ acme: EXTERNAL });
    assert.equal((await fluxheim(site, "acme-renew")).code, 0);
    const first = await site.shown("shop.test");
    const forced = await fluxheim(site, "acme-renew", "--force-renew");
    assert.match(forced.out, /target: shop status=forced /);
    await until("the new one is shown", async () => {
      const serial = await site.shown("shop.test");
      return serial !== undefined && serial !== first;
    });
    const skipped = await fluxheim(site, "acme-renew");
    assert.match(skipped.out, /target: shop status=skipped /);
  },
);

testWith(PEBBLE, "certs lists days left, and why there is no certificate", async () => {
  await using site = await startGateway({ pebble: { address: "127.0.0.2" } });
  await until(
    "an attempt has failed",
    () => site.gateway.process.output.includes("got no certificate"),
  );
  const { code, out } = await fluxheim(site, "certs");
  assert.equal(code, 1);
  assert.match(out, /^shop: no certificate \(missing\), of pebble, for shop\.test; next attempt /);
  assert.match(out, /1 attempt has failed: shop\.test could not be proven/);
  const json = await fluxheim(site, "certs", "--json");
  assert.equal(JSON.parse(json.out)[0].failures, 1);
});

testWith(
  PEBBLE,
  "the reload socket answers one line, and refuses what it does not know",
  async () => {
    await using site = await startGateway({ acme: EXTERNAL });
    const path = `${site.gateway.dir.path}/reload.sock`;
    await until(
      "the service runs",
      () => site.gateway.process.output.includes("service acme runs"),
    );
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    const ask = async (line: string) => {
      using connection = await Deno.connect({ transport: "unix", path });
      await connection.write(new TextEncoder().encode(line));
      const bytes = new Uint8Array(4096);
      // What is not read at the end of a connection resets it.
      const count = await connection.read(bytes).catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return 0;
        throw error;
      });
      return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
    };
    assert.equal(await ask("reload-certificates\n"), "ok\n");
    assert.equal(await ask("reload-everything\n"), "error: unsupported command\n");
    assert.equal(await ask("x".repeat(2000)), "");
  },
);
