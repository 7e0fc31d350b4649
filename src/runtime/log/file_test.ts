import assert from "node:assert/strict";
import { openLogFile } from "./file.ts";
import { newDirectory, putFile } from "../../config/testing/files.ts";

async function withDirectory(test: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = newDirectory();
  try {
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** @returns How long the file was then. */
async function writeLine(path: string, append: boolean, line: string): Promise<number | undefined> {
  const file = openLogFile({ path, append });
  await file.write(new TextEncoder().encode(line));
  const size = await file.size?.();
  file.close();
  return size;
}

Deno.test("a log file is made, and appended to", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    await writeLine(path, true, "one\n");
    assert.equal(await writeLine(path, true, "two\n"), 8);
    assert.equal(Deno.readTextFileSync(path), "one\ntwo\n");
  }));

Deno.test("append = false empties the file at start", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    await writeLine(path, true, "one\n");
    await writeLine(path, false, "two\n");
    assert.equal(Deno.readTextFileSync(path), "two\n");
  }));

Deno.test("a file that ends within a line is known", () =>
  withDirectory((directory) => {
    const path = `${directory}/log`;
    for (
      const [content, append, endsMidLine] of [
        ["", true, false],
        ["one\n", true, false],
        ["one\ntw", true, true],
        ["one\ntw", false, false],
      ] as const
    ) {
      putFile(path, content);
      const file = openLogFile({ path, append });
      file.close();
      assert.equal(file.endsMidLine, endsMidLine, JSON.stringify({ content, append }));
    }
  }));

Deno.test("a symbolic link is refused and what it leads to is not emptied", () =>
  withDirectory((directory) => {
    putFile(`${directory}/target`, "precious");
    Deno.symlinkSync(`${directory}/target`, `${directory}/log`);
    assert.throws(
      () => openLogFile({ path: `${directory}/log`, append: false }),
      /is a symbolic link/,
    );
    assert.equal(Deno.readTextFileSync(`${directory}/target`), "precious");
  }));

Deno.test("what is not a regular file is refused", () => {
  assert.throws(() => openLogFile({ path: "/dev/null", append: true }), /is not a regular file/);
});
