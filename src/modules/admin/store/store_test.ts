import assert from "node:assert/strict";
import { newDirectory } from "../../../config/testing/files.ts";
import { StoreError } from "./files.ts";
import { isId, messageOf, SnapshotIds } from "./ids.ts";
import { MAX_SNAPSHOTS, SnapshotStore } from "./store.ts";
import { NOTHING_KNOWN, readValidation, writeValidation } from "./validation.ts";

async function inStore(use: (store: SnapshotStore) => Promise<void>): Promise<void> {
  const directory = newDirectory();
  try {
    await use(new SnapshotStore(`${directory}/store`));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function put(store: SnapshotStore, id: string, message?: string): Promise<void> {
  return store.locked(() => store.add({ id, text: `# ${id}\n`, message, createdUnixSecs: 7 }));
}

const refused = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError);
  assert.match(error.message, text);
  return true;
};

Deno.test("ids of one process come in their order, whatever the clock does", () => {
  const made = new SnapshotIds();
  const ids = [2_000, 2_000, 1_000, 2_001].map((now) => made.next(now));
  assert.deepEqual(ids.toSorted(), ids);
  assert.ok(ids.every(isId));
  assert.match(ids[0], /^s2-000000000-\d+-\d+$/);
  for (const id of ["", "a/b", "..", "a.b", "x".repeat(129)]) assert.ok(!isId(id), id);
});

Deno.test("a message is trimmed, and must be one line of text", () => {
  assert.deepEqual(messageOf("  "), { message: undefined });
  assert.deepEqual(messageOf(" é "), { message: "é" });
  for (const text of ["a\nb", "a\u0085b", "x".repeat(4097)]) {
    assert.ok("problem" in messageOf(text));
  }
});

Deno.test("what is stored is read again, and listed in the order of ids", () =>
  inStore(async (store) => {
    assert.deepEqual(store.list(), []);
    await put(store, "b", "second");
    await put(store, "a");
    await store.locked(() => store.point("b"));
    assert.equal(store.current(), "b");
    assert.equal(store.read("a"), "# a\n");
    assert.deepEqual(store.list(), [
      { id: "a", current: false, created_unix_secs: 7, message: undefined },
      { id: "b", current: true, created_unix_secs: 7, message: "second" },
    ]);
    assert.equal(store.previous(), "a");
    await store.locked(() => store.remove(["a"]));
    assert.deepEqual(store.ids(), ["b"]);
    assert.throws(() => store.previous(), refused(/no snapshot before/));
  }));

Deno.test("a snapshot beyond the last place is refused before anything is written", () =>
  inStore(async (store) => {
    await store.locked(() => {});
    for (let i = 0; i < MAX_SNAPSHOTS; i++) {
      Deno.writeTextFileSync(store.configPath(`s${i}`), "");
    }
    await assert.rejects(put(store, "more"), refused(/full/));
    assert.ok(!store.has("more"));
    assert.equal(store.list().length, MAX_SNAPSHOTS);
    Deno.writeTextFileSync(store.configPath("one-too-many"), "");
    assert.throws(() => store.list(), refused(/more than 1024/));
  }));

Deno.test("links, directories and foreign files are not read, and not written over", () =>
  inStore(async (store) => {
    await put(store, "a");
    Deno.symlinkSync("/etc/hostname", `${store.root}/current`);
    assert.throws(() => store.current(), refused(/not a regular file/));
    await assert.rejects(
      store.locked(() => store.point("a")),
      refused(/not a regular file/),
    );
    assert.ok(Deno.lstatSync(`${store.root}/current`).isSymlink);
    Deno.removeSync(`${store.root}/current`);
    Deno.writeTextFileSync(`${store.root}/current`, "x".repeat(5000));
    assert.throws(() => store.current(), refused(/larger than 4096 bytes/));
    Deno.removeSync(`${store.root}/configs`, { recursive: true });
    Deno.symlinkSync("/tmp", `${store.root}/configs`);
    await assert.rejects(store.locked(() => {}), refused(/not a symbolic link/));
  }));

Deno.test("two that change a store take turns", () =>
  inStore(async (store) => {
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = store.locked(async () => {
      order.push("first begins");
      await promise;
      order.push("first ends");
    });
    const second = store.locked(() => void order.push("second"));
    resolve();
    await Promise.all([first, second]);
    assert.deepEqual(order, ["first begins", "first ends", "second"]);
  }));

Deno.test("a draft that a killed process has left is removed, and never listed", () =>
  inStore(async (store) => {
    await put(store, "a");
    Deno.writeTextFileSync(`${store.root}/configs/.draft-b.toml.1-1`, "half");
    assert.deepEqual(store.ids(), ["a"]);
    await put(store, "c");
    const names = [...Deno.readDirSync(`${store.root}/configs`)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["a.meta.toml", "a.toml", "c.meta.toml", "c.toml"]);
  }));

Deno.test("what is known of snapshots is read as it was written", () =>
  inStore(async (store) => {
    assert.deepEqual(readValidation(store.root), NOTHING_KNOWN);
    await store.locked(() => {});
    const known = {
      known_good: "a",
      pending: {
        target_snapshot: "b",
        previous_snapshot: "a",
        impact: "snapshot",
        expires_unix_secs: 9,
        successful_checks: 1,
        failed_checks: 2,
      },
      rejected: { snapshot: "c", reason: "manual" },
    } as const;
    writeValidation(store.root, known);
    assert.deepEqual(readValidation(store.root), known);
    writeValidation(store.root, NOTHING_KNOWN);
    assert.deepEqual(readValidation(store.root), NOTHING_KNOWN);
    for (const text of ["known_good = 1", 'known_good = "../x"', "[pending]", "nonsense"]) {
      Deno.writeTextFileSync(`${store.root}/self-healing.toml`, text);
      assert.throws(() => readValidation(store.root), refused(/not what self-healing wrote/));
    }
  }));
