import assert from "node:assert/strict";
import type { Module } from "../gateway/module.ts";
import { readRequestedFiles, sameFiles } from "./requested_files.ts";
import { testConfig } from "./testing/keeper_for_tests.ts";
import { probe } from "./testing/probe_module.ts";

const config = testConfig({});

function asking(...paths: readonly string[]): Module[] {
  return [{ ...probe, files: () => paths.map((path) => ({ path, key: "tls.key", maxBytes: 4 })) }];
}

function withDirectory(test: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a requested file is handed over by its path", () =>
  withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/key`, "abcd");
    const { files, problems } = readRequestedFiles(config, asking(`${directory}/key`));
    assert.deepEqual(problems, []);
    assert.equal(new TextDecoder().decode(files.get(`${directory}/key`)), "abcd");
  }));

Deno.test("what cannot be read is missing, and a warning under the key that names it", () =>
  withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/large`, "abcde");
    const paths = [`${directory}/none`, directory, `${directory}/large`];
    const { files, problems } = readRequestedFiles(config, asking(...paths));
    assert.equal(files.size, 0);
    assert.deepEqual(problems.map(({ key, warning }) => [key, warning]), [
      ["tls.key", true],
      ["tls.key", true],
      ["tls.key", true],
    ]);
  }));

Deno.test("content is compared byte by byte", () => {
  const files = (text: string, path = "/a") => new Map([[path, new TextEncoder().encode(text)]]);
  assert.equal(sameFiles(files("x"), files("x")), true);
  assert.equal(sameFiles(files("x"), files("y")), false);
  assert.equal(sameFiles(files("x"), files("xx")), false);
  assert.equal(sameFiles(files("x"), files("x", "/b")), false);
  assert.equal(sameFiles(files("x"), new Map()), false);
});
