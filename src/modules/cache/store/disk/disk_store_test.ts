/** The disk tier with each layout and each format, against files that were tampered with. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { fullKey, IMAGE_KIND, primaryOf } from "../../key/key.ts";
import { keyOf, put, Stores } from "../../testing/stores.ts";
import { localSeal } from "../formats/local_seal.ts";
import { plainFormat } from "../formats/plain.ts";
import type { ObjectFormat } from "../formats/format.ts";
import { SERIAL } from "../slot_words.ts";
import { UNVARIED } from "../index.ts";
import type { Backend } from "./backend.ts";
import { BinsBackend } from "./bins.ts";
import { DiskStore } from "./disk_store.ts";
import { FilesBackend } from "./files.ts";

const MIB = 1024 * 1024;
const KEY = new Uint8Array(randomBytes(32));

type MakeBackend = (root: string, maxBytes: number) => Backend;

const files: MakeBackend = (root) => new FilesBackend(root, () => {});
const bins: MakeBackend = (root, maxBytes) =>
  new BinsBackend({ root, binBytes: MIB, maxBytes, preallocate: false, maxOpenBins: 2 });

/** A memory tier and a disk tier below one directory. */
class Tiers implements Disposable {
  readonly memory = new Stores(16 * MIB).open(0);
  readonly root = `${Deno.makeTempDirSync()}/cache`;
  disk: DiskStore;
  logged: string[] = [];

  constructor(
    readonly backend: MakeBackend,
    public format: ObjectFormat,
    readonly maxBytes = 8 * MIB,
  ) {
    this.disk = this.#open();
  }

  #open(): DiskStore {
    const log = { log: (_: string, __: string, message: string) => void this.logged.push(message) };
    const options = {
      root: this.root,
      maxBytes: this.maxBytes,
      maxObjectBytes: MIB,
      userTag: "a",
      log: log as unknown as ConstructorParameters<typeof DiskStore>[0]["log"],
    };
    return new DiskStore(options, this.backend(this.root, this.maxBytes), this.format);
  }

  async restart(): Promise<void> {
    this.disk.close();
    this.disk = this.#open();
    await this.disk.scanned;
  }

  async save(path: string, body: Uint8Array): Promise<boolean> {
    await this.disk.scanned;
    const loose = looseOf(path);
    assert.ok(put(this.memory, loose, body));
    const { index } = this.memory;
    const held = index.find(keyOf(this.memory, loose), UNVARIED);
    assert.ok(held !== undefined);
    const isSaved = await this.disk.save(
      this.memory,
      held.slot,
      index.words[index.at(held.slot) + SERIAL],
    );
    index.remove(held.slot, held.generation);
    index.release(held);
    return isSaved;
  }

  /** The body as it comes back from disk. */
  async load(path: string): Promise<Uint8Array | undefined> {
    const loose = looseOf(path);
    const { index } = this.memory;
    const key = keyOf(this.memory, loose);
    const asked = { loose, part: "", scheme: "http", port: "80" };
    if (await this.disk.find(asked) === undefined) return undefined;
    const claim = index.claim(key, UNVARIED, 30_000, Date.now());
    assert.ok(claim?.isOwn);
    const { slot, generation } = claim.held;
    const isThere = await this.disk.load(this.memory, slot, generation, { ...asked, variance: "" });
    const body: number[] = [];
    if (isThere) {
      const inline = this.memory.inline(slot);
      if (inline !== undefined) body.push(...inline);
      else {
        const cursor = this.memory.cursor(slot);
        while (cursor.seek(body.length)) body.push(...cursor.bytes!.subarray(0, cursor.length));
      }
    }
    index.remove(slot, generation);
    index.release(claim.held);
    return isThere ? Uint8Array.from(body) : undefined;
  }

  pathOf(path: string): string {
    const key = fullKey("a", primaryOf(looseOf(path), "http", "80"), new Uint8Array(0));
    return `${this.root}/${key.slice(0, 2)}/${key}.fhc`;
  }

  [Symbol.dispose](): void {
    this.disk.close();
    Deno.removeSync(this.root.slice(0, -"/cache".length), { recursive: true });
  }
}

function looseOf(path: string): string {
  return `${IMAGE_KIND};path:${path.length}:${path};`;
}

function bodyOf(bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + seed) & 255);
}

for (
  const [name, backend, format] of [
    ["files", files, plainFormat],
    ["bins", bins, plainFormat],
    ["encrypted files", files, localSeal("k", KEY)],
    ["encrypted bins", bins, localSeal("k", KEY)],
  ] as const
) {
  Deno.test(`${name}: what was saved comes back, over a restart as well`, async () => {
    using tiers = new Tiers(backend, format);
    const bodies = new Map(
      [0, 1, 100, 65_536, 65_537, 300_000].map((bytes, i) => [`/${i}`, bodyOf(bytes, i)] as const),
    );
    for (const [path, body] of bodies) assert.ok(await tiers.save(path, body), path);
    for (let round = 0; round < 2; round++) {
      for (const [path, body] of bodies) {
        const loaded = await tiers.load(path);
        assert.ok(loaded !== undefined && body.every((byte, i) => loaded[i] === byte), path);
        assert.equal(loaded.length, body.length);
      }
      await tiers.restart();
      assert.equal(tiers.disk.size, bodies.size);
    }
  });

  Deno.test(`${name}: the budget holds, and what was used last stays`, async () => {
    using tiers = new Tiers(backend, format, 2 * MIB);
    for (let i = 0; i < 40; i++) {
      assert.ok(await tiers.save(`/${i}`, bodyOf(200_000, i)));
      assert.ok(tiers.disk.bytes <= 2 * MIB);
      assert.ok(await tiers.load("/0") !== undefined);
    }
    assert.ok(tiers.disk.size > 4);
    assert.equal(await tiers.load("/1"), undefined);
    for (const { key } of [...tiers.disk.entries()]) tiers.disk.remove(key);
    assert.equal(tiers.disk.bytes, 0);
  });
}

Deno.test("a purge that comes while a new object settles finds it", async () => {
  const settling = Promise.withResolvers<void>();
  const settled = Promise.withResolvers<void>();
  class Slow extends FilesBackend {
    override async settle(): Promise<void> {
      settling.resolve();
      await settled.promise;
    }
  }
  using tiers = new Tiers((root) => new Slow(root, () => {}), plainFormat);
  const saving = tiers.save("/a", bodyOf(100, 1));
  await settling.promise;
  assert.ok(Deno.statSync(tiers.pathOf("/a")).isFile);
  for (const { key } of [...tiers.disk.entries()]) assert.ok(tiers.disk.remove(key));
  settled.resolve();
  await saving;
  assert.equal(tiers.disk.size, 0);
  assert.equal(tiers.disk.bytes, 0);
  assert.throws(() => Deno.statSync(tiers.pathOf("/a")));
  assert.equal(await tiers.load("/a"), undefined);
});

Deno.test("what does not settle is not kept", async () => {
  class Broken extends FilesBackend {
    override settle(): Promise<void> {
      return Promise.reject(new Error("input/output error"));
    }
  }
  using tiers = new Tiers((root) => new Broken(root, () => {}), plainFormat);
  assert.equal(await tiers.save("/a", bodyOf(100, 1)), false);
  assert.equal(tiers.disk.bytes, 0);
  assert.throws(() => Deno.statSync(tiers.pathOf("/a")));
  assert.match(tiers.logged.join(), /input\/output error/);
});

Deno.test("times that an operator ends are not written over a newer object", async () => {
  const pieces = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  let isSlow = false;
  class Slow extends FilesBackend {
    override async write(...args: Parameters<FilesBackend["write"]>): Promise<void> {
      if (isSlow) {
        isSlow = false;
        pieces.resolve();
        await going.promise;
      }
      await super.write(...args);
    }
  }
  using tiers = new Tiers((root) => new Slow(root, () => {}), plainFormat);
  await tiers.save("/a", bodyOf(100, 1));
  const [{ key, times }] = [...tiers.disk.entries()];
  isSlow = true;
  const softening = tiers.disk.soften(key, times);
  await pieces.promise;
  await tiers.save("/a", bodyOf(200, 2));
  going.resolve();
  assert.equal(await softening, false);
  assert.deepEqual(await tiers.load("/a"), bodyOf(200, 2));
});

/** Cuts the end of an encrypted object away and has its envelope say so: what is sealed has to show it. */
function shortened(bytes: Uint8Array, cut: number): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 256));
  const lines = text.split("\n", 5);
  const before = lines.join("\n").length + 1;
  lines[4] = String(Number(lines[4]) - cut);
  const beginning = new TextEncoder().encode(lines.join("\n") + "\n");
  const rest = bytes.subarray(before, bytes.length - cut);
  const whole = new Uint8Array(beginning.length + rest.length);
  whole.set(beginning);
  whole.set(rest, beginning.length);
  return whole;
}

Deno.test("no byte of an encrypted object can be changed, moved or cut away unnoticed (pitfall A29)", async () => {
  using tiers = new Tiers(files, localSeal("k", KEY));
  const body = bodyOf(200_000, 1);
  await tiers.save("/a", body);
  const path = tiers.pathOf("/a");
  const bytes = Deno.readFileSync(path);
  assert.ok(!new TextDecoder("latin1").decode(bytes).includes("image/png"));
  const block = 64 * 1024 + 16;
  const at = bytes.length - 200_000 - 4 * 16;
  const swapped = bytes.slice();
  swapped.set(bytes.subarray(at, at + block), at + block);
  swapped.set(bytes.subarray(at + block, at + 2 * block), at);
  const flipped = bytes.slice();
  flipped[bytes.length - 1] ^= 1;
  const atAnEdge = shortened(bytes, bytes.length - at - 2 * block);
  assert.equal((atAnEdge.length - at) % block, 0);
  const cut = [atAnEdge, bytes.slice(0, at + 2 * block), bytes.slice(0, 10)];
  for (const harmed of [swapped, flipped, ...cut]) {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(path, harmed);
    await tiers.restart();
    // Not compared as values: a difference of so many bytes takes minutes to print.
    assert.ok(await tiers.load("/a") === undefined);
    assert.throws(() => Deno.statSync(path));
  }
  // Under another name it is another object's.
  await tiers.save("/b", body);
  const other = tiers.pathOf("/c");
  Deno.mkdirSync(other.slice(0, other.lastIndexOf("/")), { recursive: true });
  Deno.renameSync(tiers.pathOf("/b"), other);
  await tiers.restart();
  assert.equal(tiers.disk.size, 0);
});

Deno.test("an object with another key's label stays where it is and is the first to go", async () => {
  using tiers = new Tiers(files, localSeal("old", KEY), 700_000);
  for (const path of ["/a", "/b"]) await tiers.save(path, bodyOf(300_000, 1));
  tiers.format = localSeal("new", new Uint8Array(randomBytes(32)));
  await tiers.restart();
  assert.equal(tiers.disk.size, 0);
  assert.ok(tiers.disk.bytes > 600_000);
  assert.equal(await tiers.load("/a"), undefined);
  assert.ok(Deno.statSync(tiers.pathOf("/a")).isFile);
  assert.ok(await tiers.save("/c", bodyOf(300_000, 2)));
  assert.ok(await tiers.save("/d", bodyOf(300_000, 2)));
  assert.ok(await tiers.load("/c") !== undefined);
  assert.throws(() => Deno.statSync(tiers.pathOf("/a")));
});

Deno.test("the order of the last use outlives a restart", async () => {
  using tiers = new Tiers(files, plainFormat, 700_000);
  for (const path of ["/a", "/b", "/c"]) await tiers.save(path, bodyOf(200_000, 1));
  await tiers.load("/a");
  await tiers.restart();
  await tiers.save("/d", bodyOf(200_000, 1));
  assert.ok(await tiers.load("/a") !== undefined);
  assert.equal(await tiers.load("/b"), undefined);
});

Deno.test("bins of other sizes, of another process, or with an index that cannot be right are refused", () => {
  const root = `${Deno.makeTempDirSync()}/cache`;
  const first = bins(root, 8 * MIB);
  assert.throws(() => bins(root, 8 * MIB), /another process has this cache/);
  first.close();
  assert.throws(() => bins(root, 4 * MIB), /made for other sizes/);
  const key = "ab".repeat(32);
  const line = (offset: number, name = key) => `${name}\t0\t${offset}\t100\t1\n`;
  const index = `${root}/.fluxheim-storage-bin-index-v1`;
  for (
    const [lines, message] of [
      [line(0) + line(50, "cd".repeat(32)), /overlap/],
      [line(MIB), /outside/],
      ["x\n", /cannot be read/],
    ] as const
  ) {
    Deno.writeTextFileSync(index, "FLUXHEIM-STORAGE-BIN-INDEX-v1\n" + lines);
    assert.throws(() => bins(root, 8 * MIB), message);
  }
  Deno.removeSync(root.slice(0, -"/cache".length), { recursive: true });
});
