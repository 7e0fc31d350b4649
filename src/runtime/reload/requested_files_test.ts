import assert from "node:assert/strict";
import type { Files, Module } from "../../gateway/module.ts";
import { deploymentOf } from "../deployment.ts";
import { readRequestedFiles, sameFiles } from "./requested_files.ts";
import { testConfig } from "../testing/keeper.ts";
import { probe } from "../testing/probe_module.ts";
import { newDirectory, putFile } from "../../config/testing/files.ts";

const config = testConfig({});

function asking(...paths: readonly string[]): Module[] {
  const files = paths.map((path) => ({ path, key: "tls.key", maxBytes: 4 }));
  return [{ ...probe, needs: () => ({ files }) }];
}

/** What the keeper reads and finds for `modules`. */
function read(modules: readonly Module[]) {
  return readRequestedFiles(deploymentOf(config, modules), modules);
}

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = newDirectory();
  try {
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a requested file is handed over by its path", () =>
  withDirectory(async (directory) => {
    putFile(`${directory}/key`, "abcd");
    const { files, problems } = await read(asking(`${directory}/key`));
    assert.deepEqual(problems, []);
    assert.equal(new TextDecoder().decode(files.get(`${directory}/key`)), "abcd");
  }));

Deno.test("what cannot be read is refused with its reason, under each key that names it", () =>
  withDirectory(async (directory) => {
    putFile(`${directory}/large`, "abcde");
    const paths = [`${directory}/none`, directory, `${directory}/large`, `${directory}/none`];
    const { files, problems } = await read(asking(...paths));
    assert.equal(files.size, 0);
    assert.deepEqual(problems, [
      { key: "tls.key", message: `${directory}/none does not exist` },
      { key: "tls.key", message: `${directory} is not a regular file` },
      { key: "tls.key", message: `${directory}/large is larger than 4 bytes` },
      { key: "tls.key", message: `${directory}/none does not exist` },
    ]);
  }));

Deno.test("a file that others can change is refused once, whatever asks for it", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/ca`;
    putFile(path, "abcd");
    Deno.chmodSync(path, 0o664);
    const { problems } = await read(asking(path, path));
    assert.deepEqual(problems, [{
      key: "tls.key",
      message: `${path} is writable by its group or by everyone`,
      hint: `chmod go-w ${path}`,
    }]);
  }));

Deno.test({
  name: "a link to a file of another user is refused, to one of ours it is not",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withDirectory(async (directory) => {
      const path = `${directory}/link`;
      Deno.writeTextFileSync(`${directory}/key`, "abcd", { mode: 0o600 });
      Deno.symlinkSync("key", path);
      assert.deepEqual((await read(asking(path))).problems, []);
      Deno.chownSync(`${directory}/key`, 4711, 4711);
      assert.deepEqual((await read(asking(path))).problems, [{
        key: "tls.key",
        message: `${path} leads by a symbolic link to a file of user 4711`,
        hint: "it must belong to root or to the user this runs as",
      }]);
    }),
});

Deno.test("of files that others can read only private keys are worth a warning", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/pair.pem`;
    putFile(path, "abcd");
    Deno.chmodSync(path, 0o644);
    const request = { path, maxBytes: 4 };
    const both: Module = {
      ...probe,
      needs: () => ({
        files: [{ ...request, key: "cert" }, { ...request, key: "key", isPrivateKey: true }],
      }),
    };
    const { files, problems } = await read([both]);
    assert.equal(files.size, 1);
    assert.deepEqual(problems.map(({ key, warning }) => [key, warning]), [["key", true]]);
  }));

Deno.test("a module checks just the content that is handed over", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/key`;
    putFile(path, "abcd");
    const problem = { key: "tls.key", message: "is not fit" };
    let seen: Files | undefined;
    const [asked] = asking(path, `${directory}/none`);
    const checking: Module = {
      ...asked,
      checkFiles(_config, files) {
        seen = files;
        return [problem];
      },
    };
    const { files, problems } = await read([checking]);
    assert.equal(seen, files);
    assert.deepEqual(problems.slice(1), [problem]);
  }));

Deno.test("content is compared byte by byte", () => {
  const files = (text: string, path = "/a") => new Map([[path, new TextEncoder().encode(text)]]);
  assert.equal(sameFiles(files("x"), files("x")), true);
  assert.equal(sameFiles(files("x"), files("y")), false);
  assert.equal(sameFiles(files("x"), files("xx")), false);
  assert.equal(sameFiles(files("x"), files("x", "/b")), false);
  assert.equal(sameFiles(files("x"), new Map()), false);
});
