/** Pitfalls of ACME, item 10: locks between processes. A holder that is stopped and not killed keeps its lock. */
import assert from "node:assert/strict";
import { newDirectory } from "../../../config/testing/files.ts";
import { withLock, withLocks } from "./lock.ts";

const HOLD = `
import { withLock } from ${JSON.stringify(new URL("./lock.ts", import.meta.url).href)};
await withLock(Deno.args[0], async () => {
  console.log("held");
  await Deno.stdin.read(new Uint8Array(1));
});
`;

/** Another process that holds the lock at `path`. */
async function holder(directory: string, path: string): Promise<Deno.ChildProcess> {
  const script = `${directory}/hold.ts`;
  Deno.writeTextFileSync(script, HOLD);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", script, path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "held\n");
  await reader.cancel();
  return child;
}

const job = () => Promise.resolve("done");

Deno.test("pitfall 10: a lock of a process that was killed is free at once", async () => {
  const directory = newDirectory();
  const path = `${directory}/locks/shop`;
  const child = await holder(directory, path);
  assert.equal(await withLock(path, job), "busy");
  assert.equal(await withLocks([`${directory}/locks/other`, path], job), "busy");
  child.kill("SIGKILL");
  await child.status;
  await child.stdin.close().catch(() => {});
  assert.deepEqual(await withLock(path, job), { value: "done" });
  assert.deepEqual(await withLocks([`${directory}/locks/other`, path], job), { value: "done" });
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("pitfall 10: an empty or old lock file locks nothing, and a job that fails frees its lock", async () => {
  const directory = newDirectory();
  const path = `${directory}/locks/shop`;
  Deno.mkdirSync(`${directory}/locks`);
  Deno.writeTextFileSync(path, "");
  Deno.utimeSync(path, 0, 0);
  assert.deepEqual(await withLock(path, job), { value: "done" });
  await assert.rejects(withLock(path, () => Promise.reject(new Error("no"))), /no/);
  assert.deepEqual(await withLock(path, job), { value: "done" });
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("pitfall 10: no two jobs hold one lock, within one process either", async () => {
  const directory = newDirectory();
  const path = `${directory}/locks/shop`;
  const inner = await withLock(path, () => withLock(path, job));
  assert.deepEqual(inner, { value: "busy" });
  Deno.removeSync(directory, { recursive: true });
});
