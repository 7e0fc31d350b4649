import assert from "node:assert/strict";
import { newDirectory, putFile } from "../../config/testing/files.ts";
import { configOf, contextOf } from "../../gateway/testing/modules.ts";
import type { FileRequest, Module } from "../../gateway/module.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import { readRequestedFiles } from "./requested_files.ts";
import { replacedFiles } from "./refresh.ts";
import { SharedFiles } from "./shared_files.ts";

/** A folder with one file in it that is replaced as operators are told to. */
class Folder {
  readonly #path = newDirectory();
  readonly path = `${this.#path}/large.db`;
  readonly request: FileRequest = {
    path: this.path,
    key: "large.path",
    maxBytes: 1024 * 1024,
    isShared: true,
  };

  put(text: string): void {
    putFile(`${this.path}.next`, new TextEncoder().encode(text));
    Deno.renameSync(`${this.path}.next`, this.path);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

function textOf(content: Uint8Array | undefined): string {
  return new TextDecoder().decode(content);
}

Deno.test("a file is read into memory that threads share, and once", async () => {
  using folder = new Folder();
  folder.put("one");
  const shared = new SharedFiles();
  const first = await shared.look(folder.request);
  assert.ok(first.problem === undefined && first.content.buffer instanceof SharedArrayBuffer);
  assert.equal(textOf(first.content), "one");
  assert.equal(await shared.look(folder.request), first);
  folder.put("two");
  const second = await shared.look(folder.request);
  assert.ok(second.problem === undefined);
  assert.equal(textOf(second.content), "two");
  assert.equal(textOf(first.content), "one");
});

Deno.test("a link, a file that is too large and one that is not there are no content", async () => {
  using folder = new Folder();
  const shared = new SharedFiles();
  assert.deepEqual(await shared.look(folder.request), { problem: "must exist" });
  folder.put(" ".repeat(1024 * 1024 + 1));
  assert.deepEqual(await shared.look(folder.request), { problem: "must be at most 1 MiB" });
  Deno.symlinkSync(folder.path, `${folder.path}.link`);
  const link = { ...folder.request, path: `${folder.path}.link` };
  const problem = "must be a regular file and not a symbolic link";
  assert.deepEqual(await shared.look(link), { problem });
});

Deno.test("content that other threads may have is not parsed again by the keeper", async () => {
  using folder = new Folder();
  folder.put("one");
  const seen: string[] = [];
  const module: Module = {
    name: "large",
    schema: [],
    manifest: {},
    edge: () => Promise.resolve({ name: "large", open: () => ({ start: () => IDLE }) }),
    proveFiles(_config, files) {
      seen.push(textOf(files.get(folder.path)));
      return Promise.resolve([]);
    },
  };
  const shared = new SharedFiles();
  const deployment = { config: configOf({}), files: [folder.request] };
  const first = await readRequestedFiles(deployment, [module], shared);
  const second = await readRequestedFiles(deployment, [module], shared);
  assert.equal(second.files.get(folder.path), first.files.get(folder.path));
  folder.put("two");
  await readRequestedFiles(deployment, [module], shared);
  assert.deepEqual(seen, ["one", "", "two"]);
});

Deno.test("a replaced file is handed over once it has passed the module's checks; a bad one is logged once", async () => {
  using folder = new Folder();
  const config = configOf({});
  const module: Module = {
    name: "large",
    schema: [],
    manifest: {},
    edge: () => Promise.resolve({ name: "large", open: () => ({ start: () => IDLE }) }),
    checkFiles: (_config, files) =>
      textOf(files.get(folder.path)).startsWith("bad")
        ? [{ key: "large.path", message: `${folder.path} is bad` }]
        : [],
  };
  const lines: string[] = [];
  const log = { ...contextOf(config, []).log };
  const listening = Object.assign(log, {
    enabled: () => true,
    log: (level: string, _target: string, text: string) => void lines.push(`${level} ${text}`),
  });
  const shared = new SharedFiles();
  folder.put("one");
  const first = await shared.look(folder.request);
  assert.ok(first.problem === undefined);
  let files: ReadonlyMap<string, Uint8Array> = new Map([[folder.path, first.content]]);
  const refresh = async (): Promise<boolean> => {
    const served = { config, files };
    const found = await replacedFiles(served, [folder.request], [module], shared, listening);
    files = found?.files ?? files;
    return found !== undefined;
  };

  assert.equal(await refresh(), false);
  folder.put("bad");
  assert.deepEqual([await refresh(), await refresh()], [false, false]);
  Deno.removeSync(folder.path);
  assert.deepEqual([await refresh(), await refresh()], [false, false]);
  assert.equal(textOf(files.get(folder.path)), "one");
  assert.deepEqual(lines, [
    `error large.path: ${folder.path} is bad; the one in use stays`,
    `error large.path: ${folder.path} must exist; the one in use stays`,
  ]);
  folder.put("two");
  assert.deepEqual([await refresh(), await refresh()], [true, false]);
  assert.equal(textOf(files.get(folder.path)), "two");
});
