/** Encrypted roots and bins, with the whole gateway. */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { until } from "../../src/net/testing/until.ts";
import { Caching, image } from "../testing/caching.ts";
import { TempDir } from "../testing/peer.ts";

const HOST = { host: "h" };
const BODY = "0123456789".repeat(20_000);
/** Longer than the slowest test. */
const LASTING = { "cache-control": "max-age=36000" };

/** Bytes of everything below `root` that is named like an object or a bin. */
function stored(root: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  const look = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory) look(`${directory}/${name}`);
      else if (/\.fh(?:c|bin)$/.test(name)) found.push(Deno.readFileSync(`${directory}/${name}`));
    }
  };
  look(root);
  return found;
}

async function scanned({ gateway }: Caching, objects: string): Promise<void> {
  await until("the scan has ended", () => gateway.process.output.includes(`scan: ${objects}`));
}

/** Asks until the disk has it, which a restart shows: the upstream of the second gateway answers nothing. */
async function restarts(lines: string, root: string, isPlain: boolean): Promise<void> {
  {
    await using caching = await Caching.start(
      (_, response) => image(response, BODY, LASTING),
      lines,
    );
    assert.equal((await caching.get("/a.png", HOST)).cache, "MISS");
    await until("it is stored", () => stored(root).some(({ length }) => length >= BODY.length));
    const [bytes] = stored(root);
    const text = new TextDecoder("latin1").decode(bytes);
    assert.equal(text.includes("image/png"), isPlain);
    assert.equal(text.includes("0123456789"), isPlain);
  }
  await using caching = await Caching.start((_, response) => response.destroy(), lines);
  await scanned(caching, "1 objects");
  for (let i = 0; i < 2; i++) {
    const got = await caching.get("/a.png", HOST);
    assert.equal(got.cache, "HIT");
    assert.ok(got.body === BODY);
  }
  assert.equal(caching.asked, 0);
}

Deno.test("vector 23: what lies in an encrypted root cannot be read, outlives a restart, and is gone when a byte changes", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  const key = dir.write("key", randomBytes(32).toString("hex") + "\n");
  Deno.chmodSync(key, 0o600);
  const lines = `[vhosts.cache.disk]
enabled = true
path = "${root}"
encryption = { enabled = true, key_file = "${key}" }
`;
  await restarts(lines, root, false);
  const [shard] = [...Deno.readDirSync(root)].filter(({ name }) => /^[0-9a-f]{2}$/.test(name));
  const [{ name }] = Deno.readDirSync(`${root}/${shard.name}`);
  const path = `${root}/${shard.name}/${name}`;
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - 1000] ^= 1;
  Deno.writeFileSync(path, bytes);
  await using caching = await Caching.start((_, response) => image(response, BODY, LASTING), lines);
  await scanned(caching, "1 objects");
  const got = await caching.get("/a.png", HOST);
  assert.equal(got.cache, "MISS");
  assert.ok(got.body === BODY);
});

Deno.test("small reads of encrypted objects that the memory tier cannot hold together are all answered (pitfall A29)", async () => {
  await using dir = new TempDir();
  const key = dir.write("key", randomBytes(32).toString("hex") + "\n");
  Deno.chmodSync(key, 0o600);
  const root = `${dir.path}/cache`;
  const lines = `[vhosts.cache.disk]
enabled = true
path = "${root}"
encryption = { enabled = true, key_file = "${key}" }
`;
  const large = BODY.repeat(4);
  const names = Array.from({ length: 12 }, (_, i) => `/${i}.png`);
  const fields = { ...LASTING, etag: '"v1"' };
  {
    await using caching = await Caching.start(
      (_, response) => image(response, large, fields),
      lines,
    );
    for (const [i, name] of names.entries()) {
      assert.equal((await caching.get(name, HOST)).cache, "MISS");
      // What is being written cannot make room in memory.
      await until("it is stored", () => stored(root).length === i + 1);
    }
  }
  // 12 objects of 800,000 bytes do not fit in the 8 MiB of the memory tier together.
  await using caching = await Caching.start((_, response) => response.destroy(), lines);
  await scanned(caching, `${names.length} objects`);
  const asked = Array.from({ length: 50 }, (_, i) => {
    const name = names[i % names.length];
    return [
      caching.get(name, { ...HOST, range: "bytes=0-0" }),
      caching.get(name, { ...HOST, "if-none-match": '"v1"' }),
    ];
  });
  for (const [range, condition] of asked) {
    const { status, body, headers } = await range;
    assert.equal(`${status} ${body}`, "206 0");
    assert.equal(headers.get("content-range"), `bytes 0-0/${large.length}`);
    assert.equal((await condition).status, 304);
  }
  assert.equal(caching.asked, 0);
});

Deno.test("the key may be a credential of the service manager", async () => {
  await using dir = new TempDir();
  const key = dir.write("credentials/cache-key", randomBytes(32).toString("hex") + "\n");
  Deno.chmodSync(key, 0o600);
  const root = `${dir.path}/cache`;
  const lines = (credential: string) =>
    `[vhosts.cache.disk]
enabled = true
path = "${root}"
encryption = { enabled = true, key_credential = "${credential}" }
`;
  Deno.env.set("CREDENTIALS_DIRECTORY", `${dir.path}/credentials`);
  try {
    await restarts(lines("cache-key"), root, false);
    await assert.rejects(
      Caching.start((_, response) => image(response), lines("another-key")),
      /the key of the cache is not in \S+\/credentials\/another-key or \S+ or \S+/,
    );
  } finally {
    Deno.env.delete("CREDENTIALS_DIRECTORY");
  }
});

Deno.test("bins outlive a restart and a kill, and a second process is refused", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  const lines = `[vhosts.cache.disk]
enabled = true
path = "${root}"
backend = "storage-bin"
max_size_bytes = "8 MiB"
storage_bin = { bin_size_bytes = "2 MiB", max_open_bins = 2 }
`;
  await restarts(lines, root, true);
  const caching = await Caching.start((_, response) => image(response, BODY, LASTING), lines);
  await scanned(caching, "1 objects");
  await assert.rejects(Caching.start((_, response) => image(response), lines), /another process/);
  const asked = Array.from(
    { length: 20 },
    (_, i) => caching.get(`/${i}.png`, HOST).catch(() => {}),
  );
  await until("some are stored", () => stored(root).length > 1);
  caching.gateway.process.signal("SIGKILL");
  await Promise.all(asked);
  await caching[Symbol.asyncDispose]().catch(() => {});
  await using again = await Caching.start((_, response) => image(response, BODY, LASTING), lines);
  await scanned(again, "");
  for (let i = 0; i < 20; i++) assert.ok((await again.get(`/${i}.png`, HOST)).body === BODY);
  assert.equal((await again.get("/a.png", HOST)).cache, "HIT");
});

/** OpenBao's transit engine, as far as the cache asks it. */
class TransitEngine implements AsyncDisposable {
  readonly #key = randomBytes(32);
  readonly seen: string[] = [];
  readonly authority = new TestAuthority();
  token = "first";
  #server: Server | undefined;
  port = 0;

  async listen(): Promise<void> {
    const { cert, key } = this.authority.issue({ name: "localhost", names: ["127.0.0.1"] });
    const server = this.#server = createServer({ cert, key }, (request, response) => {
      const parts: Uint8Array[] = [];
      request.on("data", (part: Uint8Array) => parts.push(part));
      request.on("end", () => {
        this.seen.push(`${request.method} ${request.url}`);
        const [status, data] = this.#answer(
          request.url ?? "",
          String(request.headers["x-vault-token"]),
          JSON.parse(new TextDecoder().decode(join(parts))),
        );
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify({ data }));
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  #answer(
    url: string,
    token: string,
    input: Record<string, string>,
  ): [number, Record<string, string>] {
    if (token !== this.token) return [403, {}];
    const aad = Uint8Array.fromBase64(input.associated_data);
    if (url === "/v1/transit/team/encrypt/cache") {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
      cipher.setAAD(aad);
      const text = join([nonce, cipher.update(input.plaintext, "base64"), cipher.final()]);
      return [200, { ciphertext: `vault:v1:${join([text, cipher.getAuthTag()]).toBase64()}` }];
    }
    const bytes = Uint8Array.fromBase64(input.ciphertext.slice("vault:v1:".length));
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.slice(0, 12));
      decipher.setAAD(aad);
      decipher.setAuthTag(bytes.slice(-16));
      const plain = decipher.update(bytes.slice(12, -16));
      decipher.final();
      return [200, { plaintext: new Uint8Array(plain).toBase64() }];
    } catch {
      return [400, {}];
    }
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) =>
      server === undefined ? resolve() : server.close(() => resolve())
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("vector 24: a transit engine encrypts, and while it is down objects are missed and kept", async () => {
  await using dir = new TempDir();
  const root = `${dir.path}/cache`;
  await using engine = new TransitEngine();
  await engine.listen();
  const token = dir.write("token", "first\n");
  const ca = dir.write("ca.pem", engine.authority.root);
  Deno.chmodSync(token, 0o600);
  const lines = `[vhosts.cache.disk]
enabled = true
path = "${root}"
[vhosts.cache.disk.encryption]
enabled = true
provider = "openbao-transit"
[vhosts.cache.disk.encryption.openbao]
address = "https://127.0.0.1:${engine.port}"
mount = "transit/team"
key_name = "cache"
token_file = "${token}"
ca_file = "${ca}"
`;
  await restarts(lines, root, false);
  assert.ok(engine.seen.includes("POST /v1/transit/team/encrypt/cache"));
  await engine.close();
  await using caching = await Caching.start((_, response) => image(response, "new"), lines);
  await scanned(caching, "0 objects, 1 that cannot be opened now");
  assert.equal((await caching.get("/b.png", HOST)).cache, "MISS");
  await engine.listen();
  // The token is read again when its file is another one.
  engine.token = "second";
  Deno.writeTextFileSync(`${token}.new`, "second");
  Deno.chmodSync(`${token}.new`, 0o600);
  Deno.renameSync(`${token}.new`, token);
  await until("the object can be used again", async () => {
    await caching.get(`/x${Math.random()}.png`, HOST);
    return (await caching.get("/a.png", { ...HOST, "cache-control": "only-if-cached" })).status ===
      200;
  });
  assert.ok((await caching.get("/a.png", HOST)).body === BODY);
});
