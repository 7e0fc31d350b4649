/**
 * What becomes of a snapshot store on a disk that is full: run in a mount namespace of its own, with the
 * directory of a small file system as its argument.
 *
 * @module
 */
import { StoreError } from "../../src/modules/admin/store/files.ts";
import { SnapshotStore } from "../../src/modules/admin/store/store.ts";
import { readValidation, writeValidation } from "../../src/modules/admin/store/validation.ts";

const [directory] = Deno.args;
const store = new SnapshotStore(`${directory}/store`);
const text = "# configuration\n".repeat(4096);
const known = { known_good: "first", pending: undefined, rejected: undefined };

await store.locked(() => {
  store.add({ id: "first", text, message: "fits", createdUnixSecs: 1 });
  store.point("first");
  writeValidation(store.root, known);
});
fill();
const refused: string[] = [];
for (const id of ["second", "third"]) {
  await attempt(() => store.add({ id, text, message: undefined, createdUnixSecs: 2 }));
}
await attempt(() => store.point("second"));
await attempt(() => writeValidation(store.root, { ...known, known_good: "second" }));
console.log(JSON.stringify({
  refused,
  current: store.current(),
  ids: store.ids(),
  read: store.read("first") === text,
  known: readValidation(store.root).known_good,
  files: [...Deno.readDirSync(`${store.root}/configs`)].map(({ name }) => name).sort(),
}));

function fill(): void {
  using file = Deno.openSync(`${directory}/filler`, { write: true, create: true });
  const block = new Uint8Array(4096);
  try {
    for (;;) file.writeSync(block);
  } catch {
    // It is full.
  }
}

async function attempt(change: () => void): Promise<void> {
  try {
    await store.locked(change);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    refused.push(error.kind);
  }
}
