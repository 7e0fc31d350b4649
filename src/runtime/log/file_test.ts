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
  const file = openLogFile({ path, append, max_files: 5 });
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
      const file = openLogFile({ path, append, max_files: 5 });
      file.close();
      assert.equal(file.endsMidLine, endsMidLine, JSON.stringify({ content, append }));
    }
  }));

Deno.test("a symbolic link is refused and what it leads to is not emptied", () =>
  withDirectory((directory) => {
    putFile(`${directory}/target`, "precious");
    Deno.symlinkSync(`${directory}/target`, `${directory}/log`);
    assert.throws(
      () => openLogFile({ path: `${directory}/log`, append: false, max_files: 5 }),
      /is a symbolic link/,
    );
    assert.equal(Deno.readTextFileSync(`${directory}/target`), "precious");
  }));

Deno.test("what is not a regular file is refused", () => {
  assert.throws(
    () => openLogFile({ path: "/dev/null", append: true, max_files: 5 }),
    /is not a regular file/,
  );
});

const encoder = new TextEncoder();

Deno.test("a file that is large enough is put aside between two lines, and so many are kept", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    const file = openLogFile({ path, append: true, max_bytes: 8, max_files: 2 });
    for (const line of ["one\n", "two\n", "thr", "ee\n", "four\n", "five5\n", "six\n"]) {
      await file.write(encoder.encode(line));
    }
    file.close();
    const found = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.deepEqual(found, ["log", "log.1", "log.2"]);
    const text = (name: string) => Deno.readTextFileSync(`${directory}/${name}`);
    assert.deepEqual([text("log.2"), text("log.1"), text("log")], ["four\n", "five5\n", "six\n"]);
  }));

Deno.test("a file that was put aside is gone on with until it is opened again", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    const file = openLogFile({ path, append: true, max_files: 5 });
    await file.write(encoder.encode("one\n"));
    Deno.renameSync(path, `${path}.old`);
    await file.write(encoder.encode("tw"));
    file.reopen();
    await file.write(encoder.encode("o\n"));
    await file.write(encoder.encode("three\n"));
    file.close();
    assert.equal(Deno.readTextFileSync(`${path}.old`), "one\ntwo\n");
    assert.equal(Deno.readTextFileSync(path), "three\n");
  }));

Deno.test("where no new file can be opened the old one stays, and that is reported", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    const told: string[] = [];
    const file = openLogFile(
      { path, append: true, max_files: 5 },
      (what) => void told.push(what),
    );
    Deno.renameSync(path, `${path}.old`);
    Deno.mkdirSync(path);
    file.reopen();
    await file.write(encoder.encode("one\n"));
    file.close();
    assert.equal(Deno.readTextFileSync(`${path}.old`), "one\n");
    assert.match(told.join(), /^the log file .* could not be opened again: /);
  }));

Deno.test("a file that is emptied under the gateway begins with a line", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/log`;
    const file = openLogFile({ path, append: true, max_bytes: 1000, max_files: 5 });
    await file.write(encoder.encode("one\n"));
    Deno.truncateSync(path);
    await file.write(encoder.encode("two\n"));
    file.close();
    assert.equal(Deno.readTextFileSync(path), "two\n");
  }));
