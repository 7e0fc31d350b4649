/** Certificates that change while the program serves (spec 05 section 3.4, and one-pair listeners). */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { TempDir, until } from "../testing/peer.ts";
import { authority, pairFiles, pairTable, site } from "./testing/tls_site.ts";
import { TlsClient } from "../../src/net/testing/tls_client.ts";

/** Two pairs for the same name, distinguished by their common name. */
const GENERATIONS = ["old.test", "new.test"].map((name) =>
  authority.issue({ name, names: [name, "a.test"] })
);

const B = authority.issue({ name: "b.test" });

/** The library knows nothing of one of its critical extensions. */
const UNKNOWN = authority.issue({
  name: "new.test",
  names: ["new.test", "a.test"],
  criticalExtension: [0x2a, 0x03, 0x04],
});

const FILES = {
  ...pairFiles("a", GENERATIONS[0]),
  ...pairFiles("b", B),
  "a/index.html": "page of a",
  "b/index.html": "page of b",
};

const ONE = `
[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
pid_file = "{dir}/fluxheim.pid"
[tls]
enabled = true
fast_listener = true
certificates = [${pairTable("a")}]
` + site("a", "a.test");

const TERMINATORS = [
  { name: "static", terminator: "static certificate", config: ONE, lossy: true },
  {
    name: "one pair",
    terminator: "names",
    config: ONE.replace("fast_listener = true", ""),
    lossy: false,
  },
  { name: "names", terminator: "names", config: ONE + site("b", "b.test", "b"), lossy: false },
];

/** Writes a generation's files, the way a renewal does, and asks the gateway to take them up. */
function renew(gateway: TestGateway, generation: number): void {
  for (const [name, content] of Object.entries(pairFiles("a", GENERATIONS[generation % 2]))) {
    gateway.dir.write(`${name}.tmp`, content);
    Deno.renameSync(`${gateway.dir.path}/${name}.tmp`, `${gateway.dir.path}/${name}`);
  }
  gateway.process.signal("SIGHUP");
}

/** The certificate new clients get. */
async function shown(gateway: TestGateway): Promise<string> {
  await using client = await TlsClient.connect(gateway.port, { servername: "a.test" });
  return client.shown;
}

/**
 * Waits until every worker shows the generation: as often in a row as chance does not explain.
 *
 * @param lossy Whether a client that connects meanwhile may be reset (docs/tls.md, "New certificates").
 */
async function shows(gateway: TestGateway, generation: number, lossy = false): Promise<void> {
  const name = `${["old", "new"][generation % 2]}.test`;
  let inARow = 0;
  await until(`${name} is shown`, async () => {
    const seen = await shown(gateway).catch((error) => {
      if (!lossy || error.code !== "ECONNRESET") throw error;
      return "";
    });
    inARow = seen === name ? inARow + 1 : 0;
    return inARow === 8;
  });
}

const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** One request on a connection of the test's own; the whole answer. */
async function ask(client: TlsClient): Promise<string> {
  client.write(REQUEST);
  let answer = "";
  while (!answer.endsWith("page of a")) {
    const text = await client.read();
    assert.notEqual(text, null, "the connection ended");
    answer += text;
  }
  return answer;
}

for (const { name, terminator, config, lossy } of TERMINATORS) {
  Deno.test(`${name}: a renewed certificate is shown after a reload, old connections go on`, async () => {
    await using gateway = await TestGateway.start(config, FILES);
    await until(
      "the terminator is told",
      () => gateway.process.output.includes(`tls (${terminator})`),
    );
    await using old = await TlsClient.connect(gateway.port);
    assert.equal(old.shown, "old.test");
    assert.match(await ask(old), /^HTTP\/1\.1 200 /);
    renew(gateway, 1);
    await shows(gateway, 1, lossy);
    assert.match(await ask(old), /^HTTP\/1\.1 200 /);
  });

  Deno.test(`${name}: a pair that does not match is refused, and the old one stays`, async () => {
    await using gateway = await TestGateway.start(config, FILES);
    gateway.dir.write("tls/a.key", B.key);
    gateway.process.signal("SIGHUP");
    await until("it is refused", () => gateway.process.output.includes("reload refused"));
    assert.match(gateway.process.output, /tls\.certificates\[0\]\.key_path.* is not the key/);
    assert.equal(await shown(gateway), "old.test");
  });

  Deno.test(`${name}: a pair that every handshake fails with is refused, and the old one stays`, async () => {
    await using gateway = await TestGateway.start(config, FILES);
    gateway.dir.write("tls/a.pem", UNKNOWN.cert);
    gateway.dir.write("tls/a.key", UNKNOWN.key);
    gateway.process.signal("SIGHUP");
    await until("it is refused", () => gateway.process.output.includes("reload refused"));
    assert.match(
      gateway.process.output,
      /tls\.certificates\[0\]\.cert_path.* every TLS handshake with it fails: .*1\.2\.3\.4/,
    );
    assert.equal(await shown(gateway), "old.test");
  });

  Deno.test(`${name}: a hundred renewals fail no request on open connections`, async () => {
    await using gateway = await TestGateway.start(config, FILES);
    let renewing = true;
    let served = 0;
    const clients = Array.from({ length: 8 }, async () => {
      await using client = await TlsClient.connect(gateway.port, { servername: "a.test" });
      for (; renewing; served++) assert.match(await ask(client), /^HTTP\/1\.1 200 /);
    });
    for (let generation = 1; generation <= 100; generation++) {
      renew(gateway, generation);
      const applied = () => gateway.process.output.split("the new configuration serves").length - 1;
      await until(`renewal ${generation} is applied`, () => applied() === generation);
    }
    renewing = false;
    await Promise.all(clients);
    await shows(gateway, 100, lossy);
    assert.ok(served > 100);
  });
}

Deno.test("names: renewals fail no new connection either", async () => {
  await using gateway = await TestGateway.start(TERMINATORS[1].config, FILES);
  let renewing = true;
  let connections = 0;
  const clients = Array.from({ length: 4 }, async () => {
    for (; renewing; connections++) {
      await using client = await TlsClient.connect(gateway.port, { servername: "a.test" });
      assert.match(await ask(client), /^HTTP\/1\.1 200 /);
    }
  });
  for (let generation = 1; generation <= 20; generation++) {
    renew(gateway, generation);
    await shows(gateway, generation);
  }
  renewing = false;
  await Promise.all(clients);
  assert.ok(connections > 20);
});

/** Ways in which others keep certificates behind links: what is made first, and how a renewal goes. */
const LINKED: readonly {
  readonly what: string;
  make(dir: string): void;
  renew(dir: string): void;
}[] = [
  {
    what: "certbot's live directory",
    make: (dir) => {
      Deno.mkdirSync(`${dir}/tls/archive`);
      Deno.chmodSync(`${dir}/tls/archive`, 0o755);
      Deno.chmodSync(`${dir}/tls/archive`, 0o755);
      certbot(dir, 1, 0);
    },
    renew: (dir) => certbot(dir, 2, 1),
  },
  {
    what: "a volume of Kubernetes",
    make: (dir) => {
      volume(dir, "..2026_01", 0);
      for (const name of ["a.pem", "a.key"]) {
        Deno.symlinkSync(`..data/${name}`, `${dir}/tls/${name}`);
      }
      Deno.chmodSync(`${dir}/tls`, 0o1777);
    },
    renew: (dir) => volume(dir, "..2026_02", 1),
  },
];

function certbot(dir: string, index: number, generation: number): void {
  const { cert, key } = GENERATIONS[generation];
  for (const [name, content] of [["a.pem", cert], ["a.key", key]]) {
    Deno.writeTextFileSync(`${dir}/tls/archive/${index}-${name}`, content, { mode: 0o600 });
    Deno.symlinkSync(`archive/${index}-${name}`, `${dir}/tls/new`);
    Deno.renameSync(`${dir}/tls/new`, `${dir}/tls/${name}`);
  }
}

function volume(dir: string, name: string, generation: number): void {
  const { cert, key } = GENERATIONS[generation];
  Deno.mkdirSync(`${dir}/tls/${name}`);
  Deno.chmodSync(`${dir}/tls/${name}`, 0o755);
  Deno.writeTextFileSync(`${dir}/tls/${name}/a.pem`, cert, { mode: 0o644 });
  Deno.writeTextFileSync(`${dir}/tls/${name}/a.key`, key, { mode: 0o600 });
  Deno.symlinkSync(name, `${dir}/tls/..new`);
  Deno.renameSync(`${dir}/tls/..new`, `${dir}/tls/..data`);
}

for (const { what, make, renew } of LINKED) {
  Deno.test(`${what} serves, and what its links lead to after a renewal`, async () => {
    await using certificates = new TempDir();
    Deno.mkdirSync(`${certificates.path}/tls`);
    Deno.chmodSync(`${certificates.path}/tls`, 0o755);
    make(certificates.path);
    const config = ONE.replaceAll("{dir}/tls", `${certificates.path}/tls`);
    await using gateway = await TestGateway.start(config, { "a/index.html": "page of a" });
    assert.equal(await shown(gateway), "old.test");
    renew(certificates.path);
    gateway.process.signal("SIGHUP");
    await shows(gateway, 1, true);
  });
}
