import assert from "node:assert/strict";
import { openLogFile } from "./log_file.ts";

function withDirectory(test: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function writeLine(path: string, append: boolean, line: string): void {
  using file = openLogFile({ path, append });
  file.writeSync(new TextEncoder().encode(line));
}

Deno.test("a log file is made, and appended to", () =>
  withDirectory((directory) => {
    const path = `${directory}/log`;
    writeLine(path, true, "one\n");
    writeLine(path, true, "two\n");
    assert.equal(Deno.readTextFileSync(path), "one\ntwo\n");
  }));

Deno.test("append = false empties the file at start", () =>
  withDirectory((directory) => {
    const path = `${directory}/log`;
    writeLine(path, true, "one\n");
    writeLine(path, false, "two\n");
    assert.equal(Deno.readTextFileSync(path), "two\n");
  }));

Deno.test("a symbolic link is refused and what it leads to is not emptied", () =>
  withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/target`, "precious");
    Deno.symlinkSync(`${directory}/target`, `${directory}/log`);
    assert.throws(
      () => openLogFile({ path: `${directory}/log`, append: false }),
      /is a symbolic link/,
    );
    assert.equal(Deno.readTextFileSync(`${directory}/target`), "precious");
  }));

Deno.test("what is no regular file is refused", () => {
  assert.throws(() => openLogFile({ path: "/dev/null", append: true }), /is not a regular file/);
});
