import assert from "node:assert/strict";
import { loadConfig } from "../load.ts";
import { MAX_FILE_BYTES, readSource } from "./source.ts";
import { withDirectory } from "../testing/directory.ts";
import { testTables, valueAt } from "../testing/tables.ts";

/** Names of the files that were read, relative to the directory. */
function names(directory: string, source = directory): string[] {
  const { files, problems } = readSource(source);
  assert.deepEqual(problems, []);
  return files.map(({ path }) => path.slice(directory.length + 1));
}

function refusal(source: string): string {
  const { problems } = readSource(source);
  assert.equal(problems.length, 1);
  assert.equal(problems[0].key, "");
  return `${problems[0].file} ${problems[0].message}`;
}

Deno.test("a directory gives its visible TOML files, then those of conf.d, each in byte order", async () => {
  const files = {
    "b.toml": "",
    "Z.TOML": "",
    "a.toml": "",
    ".hidden.toml": "",
    "notes.txt": "",
    "sub/x.toml": "",
    "conf.d/1.toml": "",
    "conf.d/sub/y.toml": "",
  };
  await withDirectory(files, (directory) => {
    assert.deepEqual(names(directory), ["Z.TOML", "a.toml", "b.toml", "conf.d/1.toml"]);
  });
});

Deno.test("a file gives itself, and conf.d only when it asks for it", async () => {
  const files = {
    "main.toml": 'include_conf_d = true\n[server]\ndefault_vhost = "x"\n',
    "alone.toml": "include_conf_d = false\n",
    "other.toml": "nonsense",
    "conf.d/1.toml": '[[vhosts]]\nname = "x"\nhosts = ["x.y"]\n',
    "conf.d/2.toml": "include_conf_d = true\n",
  };
  await withDirectory(files, async (directory) => {
    const { config, files: loaded, problems } = await loadConfig(`${directory}/main.toml`, [], []);
    assert.deepEqual(problems, []);
    assert.equal(config?.vhosts[0].name, "x");
    assert.deepEqual(
      loaded.map((path) => path.slice(directory.length + 1)),
      ["main.toml", "conf.d/1.toml", "conf.d/2.toml"],
    );
    assert.equal((await loadConfig(`${directory}/alone.toml`, [], [])).files.length, 1);
  });
});

Deno.test("an empty directory is the defaults", async () => {
  await withDirectory({}, async (directory) => {
    const { config } = await loadConfig(directory, testTables, []);
    assert.deepEqual(config?.server.listen, ["127.0.0.1:8080"]);
  });
});

Deno.test("a relative path in conf.d starts at conf.d", async () => {
  const files = { "a.toml": "", "conf.d/web.toml": '[web]\nroot = "site"\n' };
  await withDirectory(files, async (directory) => {
    const { effective } = await loadConfig(directory, testTables, []);
    assert.equal(valueAt(effective, "web", "root"), `${directory}/conf.d/site`);
  });
});

Deno.test("a file must exist, be visible, regular and end in .toml", async () => {
  await withDirectory({ "a.conf": "", ".b.toml": "" }, (directory) => {
    assert.match(refusal(`${directory}/none.toml`), /none.toml does not exist/);
    assert.match(refusal(`${directory}/a.conf`), /ends in .toml/);
    assert.match(refusal(`${directory}/.b.toml`), /not hidden/);
    assert.match(refusal("/dev/null"), /not a regular file/);
  });
});

Deno.test("a file that no reload could read is refused, with a way out", () => {
  for (const path of ["/dev/shm/a.toml", "/proc/self/cwd/a.toml", "/dev/stdin"]) {
    assert.match(refusal(path), /leads into \/(dev|proc), which the runtime opens to no program/);
  }
  assert.match(refusal("/srv/a,b/a.toml"), /a,b\/a.toml has a comma/);
  assert.match(readSource("/dev/shm/a.toml").problems[0].hint ?? "", /another|outside/);
});

Deno.test("a symbolic link on the way is refused, one inside of a directory is skipped", async () => {
  await withDirectory({ "real/a.toml": "" }, (directory) => {
    Deno.symlinkSync(`${directory}/real`, `${directory}/link`);
    Deno.symlinkSync(`${directory}/real/a.toml`, `${directory}/real/b.toml`);
    assert.match(refusal(`${directory}/link`), /symbolic link/);
    assert.match(refusal(`${directory}/link/a.toml`), /symbolic link/);
    assert.match(refusal(`${directory}/real/b.toml`), /symbolic link/);
    assert.deepEqual(names(`${directory}/real`), ["a.toml"]);
  });
});

Deno.test("a conf.d that is a link or a file is refused", async () => {
  await withDirectory({ "one/conf.d": "", "two/a.toml": "", "three/b.toml": "" }, (directory) => {
    Deno.symlinkSync(`${directory}/three`, `${directory}/two/conf.d`);
    assert.match(refusal(`${directory}/one`), /conf.d must be a directory/);
    assert.match(refusal(`${directory}/two`), /conf.d must be a directory/);
  });
});

Deno.test("a file may have 1 MiB and no byte more", async () => {
  const files = {
    "fits.toml": new Uint8Array(MAX_FILE_BYTES).fill(10),
    "large.toml": new Uint8Array(MAX_FILE_BYTES + 1).fill(10),
  };
  await withDirectory(files, (directory) => {
    assert.deepEqual(names(directory, `${directory}/fits.toml`), ["fits.toml"]);
    assert.match(refusal(`${directory}/large.toml`), /larger than 1 MiB/);
  });
});

Deno.test("a directory and its conf.d may have 256 files together", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 256 }, (_, i) => [`${i < 200 ? "" : "conf.d/"}${i}.toml`, ""]),
  );
  await withDirectory(files, (directory) => {
    assert.equal(names(directory).length, 256);
    Deno.writeTextFileSync(`${directory}/conf.d/more.toml`, "");
    assert.match(readSource(directory).problems[0].message, /more than 256/);
  });
});

Deno.test("a file that is not UTF-8 is refused", async () => {
  await withDirectory({ "a.toml": new Uint8Array([0x61, 0xff]) }, (directory) => {
    assert.match(refusal(`${directory}/a.toml`), /not UTF-8/);
  });
});

Deno.test("a file or directory that others may write to is refused", async () => {
  await withDirectory({ "a.toml": "", "open/b.toml": "", "deep/er/c.toml": "" }, (directory) => {
    Deno.chmodSync(`${directory}/a.toml`, 0o664);
    Deno.chmodSync(`${directory}/open`, 0o1777);
    Deno.chmodSync(`${directory}/deep`, 0o775);
    assert.match(refusal(`${directory}/a.toml`), /a.toml is writable/);
    assert.match(refusal(`${directory}/open`), /open is writable/);
    assert.match(refusal(`${directory}/deep/er/c.toml`), /deep is writable/);
  });
});

Deno.test("everything that others may write to is reported in one run", async () => {
  await withDirectory({ "open/er/a.toml": "", "open/er/b.toml": "" }, (directory) => {
    for (const name of ["open", "open/er", "open/er/a.toml"]) {
      Deno.chmodSync(`${directory}/${name}`, 0o775);
    }
    const told = (source: string) =>
      readSource(`${directory}/${source}`).problems.map(({ file }) =>
        file?.slice(directory.length + 1)
      );
    assert.deepEqual(told("open/er/a.toml"), ["open", "open/er", "open/er/a.toml"]);
    assert.deepEqual(told("open/er"), ["open", "open/er", "open/er/a.toml"]);
  });
});

Deno.test("an ancestor with the sticky bit passes, as /tmp has it", async () => {
  await withDirectory({ "shared/mine/a.toml": "" }, (directory) => {
    Deno.chmodSync(`${directory}/shared`, 0o1777);
    assert.deepEqual(names(directory, `${directory}/shared/mine`), ["shared/mine/a.toml"]);
  });
});

Deno.test({
  name: "a file that belongs to another user is refused",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withDirectory({ "a.toml": "" }, (directory) => {
      Deno.chownSync(`${directory}/a.toml`, 12345, null);
      assert.match(refusal(`${directory}/a.toml`), /belongs to user 12345/);
      const { problems } = readSource(`${directory}/a.toml`, { uid: 12345 });
      assert.deepEqual(problems, []);
    }),
});

Deno.test("all files that cannot be parsed are reported in one run", async () => {
  await withDirectory({ "a.toml": "= 1", "b.toml": "", "c.toml": "x = y" }, async (directory) => {
    const { problems } = await loadConfig(directory, [], []);
    assert.deepEqual(
      problems.map(({ file }) => file),
      [`${directory}/a.toml`, `${directory}/c.toml`],
    );
  });
});
