import assert from "node:assert/strict";
import type { Logger } from "../gateway/reports/log.ts";
import { SILENT } from "../gateway/reports/log_none.ts";
import { writePidFile } from "./pid_file.ts";
import { pidFileDraft } from "./pid_file_draft.ts";
import { parsePid, readPidFile } from "./pid_file_reader.ts";
import { newDirectory, putDirectory, putFile } from "../config/testing/files.ts";

/** Hands `use` a path in a directory of its own, and a log; returns what was logged. */
function withPath(use: (path: string, log: Logger) => void): string[] {
  const directory = newDirectory();
  const told: string[] = [];
  const log: Logger = {
    ...SILENT,
    log: (level, _target, message) => void told.push(`${level} ${message}`),
  };
  try {
    use(`${directory}/x.pid`, log);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
  return told;
}

/** Takes a lock, as another process would, for as long as it is not disposed of. */
function locked(path: string, exclusive: boolean): Deno.FsFile {
  const file = Deno.openSync(path, { read: true });
  assert.ok(file.tryLockSync(exclusive));
  return file;
}

Deno.test("a pid file is held while its gateway runs, and gone afterwards", () => {
  const told = withPath((path, log) => {
    const file = writePidFile(path, log);
    assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    assert.deepEqual(readPidFile(path), { kind: "held", pid: Deno.pid });
    file?.remove();
    assert.throws(() => readPidFile(path), Deno.errors.NotFound);
    assert.throws(() => Deno.lstatSync(pidFileDraft(path)), Deno.errors.NotFound);
  });
  assert.deepEqual(told, []);
});

Deno.test("a pid file that no process holds is stale, whichever process has its number", () => {
  withPath((path) => {
    putFile(path, `${Deno.pid}\n`);
    assert.deepEqual(readPidFile(path), { kind: "stale", pid: Deno.pid });
  });
});

Deno.test("those who look at a pid file do not take each other for its gateway", () => {
  withPath((path) => {
    putFile(path, "4711\n");
    using _look = locked(path, false);
    assert.equal(readPidFile(path).kind, "stale");
  });
});

Deno.test("a later process's pid file is not removed", () => {
  withPath((path, log) => {
    const file = writePidFile(path, log);
    Deno.removeSync(path);
    putFile(path, "4711\n");
    file?.remove();
    assert.equal(Deno.readTextFileSync(path), "4711\n");
  });
});

Deno.test("a stale pid file is replaced, and what a killed start left of the next one is written over", () => {
  withPath((path, log) => {
    putFile(path, "4711\n");
    putFile(pidFileDraft(path), "a longer line than a process id\n");
    const file = writePidFile(path, log);
    assert.deepEqual(readPidFile(path), { kind: "held", pid: Deno.pid });
    file?.remove();
  });
});

Deno.test("a pid file that cannot get its name leaves nothing behind", () => {
  const told = withPath((path, log) => {
    putDirectory(path);
    assert.equal(writePidFile(path, log), undefined);
    assert.throws(() => Deno.lstatSync(pidFileDraft(path)), Deno.errors.NotFound);
  });
  assert.match(told.join("\n"), /^warn server\.process\.pid_file: not written: Is a directory/);
});

Deno.test("a pid file that another process is just writing is left to it", () => {
  const told = withPath((path, log) => {
    const draft = pidFileDraft(path);
    putFile(draft, "4711\n");
    using _writer = locked(draft, true);
    assert.equal(writePidFile(path, log), undefined);
    assert.equal(Deno.readTextFileSync(draft), "4711\n");
  });
  assert.match(told.join("\n"), /^warn .*: not written: another process is writing .*\.pid\.new$/);
});

Deno.test("a missing directory is worth a word only to those who look for one", () => {
  const told = withPath((path, log) => {
    assert.equal(writePidFile(`${path}/x.pid`, log), undefined);
  });
  assert.match(told.join("\n"), /^debug server\.process\.pid_file: not written: /);
});

Deno.test("a process id is decimal digits up to the highest that there is", () => {
  for (const [text, pid] of [["2", 2], [" 4711\r\n", 4711], ["4194304\n", 4_194_304]] as const) {
    assert.equal(parsePid(text), pid, text);
  }
  for (
    const text of [
      ...["", "\n", "0", "1", "-1", "+4711", "4711 4712", "47\n11", "0x1267", "4.711e3", "4711.0"],
      // The first that there is not, and those that would wrap to "every process" and to others.
      ...["4194305", "2147483648", "4294967295", "4294972007", "9".repeat(40), "Infinity"],
    ]
  ) assert.equal(parsePid(text), undefined, text);
});

Deno.test("a file with more than a process id holds none", () => {
  withPath((path) => {
    for (const text of ["", "4294967295\n", `4711\n${" ".repeat(100)}`]) {
      putFile(path, text);
      assert.deepEqual(readPidFile(path), { kind: "malformed" }, JSON.stringify(text));
    }
  });
});
