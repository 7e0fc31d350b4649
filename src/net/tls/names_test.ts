import assert from "node:assert/strict";
import { TestAuthority } from "../testing/certificates.ts";
import { ListenerBench } from "../testing/listener_bench.ts";
import { TlsClient } from "../testing/tls_client.ts";
import { authority, finish, getsNothing, NAMES } from "../testing/tls_terminators.ts";

Deno.test("names: each name gets its certificate, others the fallback", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  const cases = [
    ["b.test", "b.test"],
    ["B.TEST", "b.test"],
    ["www.c.test", "c.test"],
    ["c.test", "a.test"],
    ["x.www.c.test", "a.test"],
    ["unknown.test", "a.test"],
    ["", "a.test"],
  ] as const;
  for (const [servername, shown] of cases) {
    await using client = await TlsClient.connect(bench.listener.port, { servername });
    assert.equal(client.shown, shown, servername);
    const accepted = await bench.next();
    assert.equal(accepted.facts.tls?.serverName, servername.toLowerCase());
    await finish(accepted, client);
  }
});

Deno.test("names: without a fallback only known names are served", async () => {
  const tls = { ...NAMES, material: { ...NAMES.material, fallback: undefined } };
  using bench = await new ListenerBench().open({ tls });
  const { port } = bench.listener;
  await assert.rejects(TlsClient.connect(port, { servername: "unknown.test" }));
  await assert.rejects(TlsClient.connect(port));
  await bench.rejection(2);
  assert.deepEqual(bench.failed[0], {
    peerAddress: "127.0.0.1",
    serverName: "unknown.test",
    why: "no certificate has that name",
  });
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  assert.equal(client.shown, "b.test");
  await finish(await bench.next(), client);
});

Deno.test("names: version and cipher are reported", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = { minVersion: version, maxVersion: version };
    await using client = await TlsClient.connect(bench.listener.port, options);
    const accepted = await bench.next();
    assert.equal(accepted.facts.tls?.version, version);
    assert.match(accepted.facts.tls?.cipher ?? "", /AES|CHACHA20/);
    await finish(accepted, client);
  }
});

Deno.test("names: a client below the lowest version is refused", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, minVersion: "TLSv1.3" } });
  const { port } = bench.listener;
  await assert.rejects(TlsClient.connect(port, { maxVersion: "TLSv1.2", servername: "b.test" }));
  await assert.rejects(TlsClient.connect(port, { maxVersion: "TLSv1.2" }));
  assert.equal(await bench.rejection(2), "tls_handshake");
  assert.deepEqual(bench.failed.map(({ peerAddress, serverName }) => [peerAddress, serverName]), [
    ["127.0.0.1", "b.test"],
    ["127.0.0.1", ""],
  ]);
  for (const { why } of bench.failed) assert.match(why, /incompatible|version/i);
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  await finish(await bench.next(), client);
});

const client = authority.issue({ name: "client.test", organization: "Example Org" });

for (const clientAuth of ["optional", "required"] as const) {
  for (const servername of ["", "b.test"]) {
    const where = `${clientAuth}${servername === "" ? "" : ", by name"}`;

    Deno.test(`client certificate ${where}: a verified one is reported`, async () => {
      using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth } });
      const { cert, key } = client;
      await using peer = await TlsClient.connect(bench.listener.port, { servername, cert, key });
      const accepted = await bench.next();
      assert.deepEqual(accepted.facts.tls?.client, {
        sha256: client.sha256,
        serial: client.serial,
        organization: "Example Org",
      });
      await finish(accepted, peer);
    });

    Deno.test(`client certificate ${where}: one of another authority is refused`, async () => {
      using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth } });
      const { cert, key } = new TestAuthority("Another").issue({ name: "client.test" });
      const refused = getsNothing(bench, { servername, cert, key });
      assert.match(await bench.rejection(), /^tls_(handshake|client_certificate)$/);
      await refused;
    });
  }
}

Deno.test("client certificate optional: none is accepted, and none is reported", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth: "optional" } });
  await using peer = await TlsClient.connect(bench.listener.port);
  const accepted = await bench.next();
  assert.equal(accepted.facts.tls?.client, undefined);
  await finish(accepted, peer);
});

Deno.test("client certificate required: none is refused", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth: "required" } });
  const refused = getsNothing(bench, {});
  assert.equal(await bench.rejection(), "tls_handshake");
  await refused;
});

Deno.test("client certificate off: one that is presented all the same is not told", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  const { cert, key } = client;
  await using peer = await TlsClient.connect(bench.listener.port, { cert, key });
  const accepted = await bench.next();
  assert.equal(accepted.facts.tls?.client, undefined);
  await finish(accepted, peer);
});
