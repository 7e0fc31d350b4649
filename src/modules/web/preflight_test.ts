import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withDirectory } from "../../config/testing/directory.ts";
import type { Problem } from "../../config/types.ts";
import { checkListing, checkRoot } from "./preflight.ts";
import { pageSchema } from "./schema.ts";

const SCRIPT = fileURLToPath(new URL("testing/other_user.ts", import.meta.url));

interface Found {
  readonly root: readonly Problem[];
  readonly listing: readonly Problem[];
}

/** What a user without any file finds at `root`; the runtime gets no more permissions than a worker does. */
async function asOtherUser(root: string): Promise<Found> {
  const checkout = fileURLToPath(new URL("../../../", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-check",
      "--allow-sys",
      `--allow-read=${root},${checkout}`,
      SCRIPT,
      root,
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A root with `mode`, in a directory that everybody may enter. */
async function withRoot(mode: number, test: (root: string) => Promise<void>): Promise<void> {
  await withDirectory({ "www/index.html": "" }, async (directory) => {
    const root = `${directory}/www`;
    Deno.chmodSync(directory, 0o755);
    Deno.chmodSync(root, mode);
    try {
      await test(root);
    } finally {
      Deno.chmodSync(root, 0o755);
    }
  });
}

Deno.test("a root that this process may not enter is refused with a way out", async () => {
  // Of those modes the second lets names be read, and not what they name.
  for (const mode of [0o000, 0o444]) {
    await withRoot(mode, async (root) => {
      const [problem, ...more] = (await asOtherUser(root)).root;
      assert.deepEqual(more, []);
      assert.equal(problem.key, "web.root");
      assert.match(problem.message, /\/www must be a directory that this process may enter/);
      assert.match(problem.hint ?? "", /service user/);
    });
  }
});

Deno.test("a root that may be entered and not listed is refused only where it is to be listed", async () => {
  await withRoot(0o111, async (root) => {
    const found = await asOtherUser(root);
    assert.deepEqual(found.root, []);
    assert.match(found.listing[0].message, /must be a directory that can be listed: permission/);
  });
});

Deno.test("a root that everybody may enter and list is fine, also below one that is not to be listed", async () => {
  await withRoot(0o755, async (root) => {
    assert.deepEqual(await asOtherUser(root), { root: [], listing: [] });
    Deno.chmodSync(root.slice(0, -"/www".length), 0o711);
    assert.deepEqual(await asOtherUser(root), { root: [], listing: [] });
  });
});

Deno.test("a root is a directory that is there, itself and not by a link", async () => {
  await withDirectory({ "www/index.html": "" }, async (directory) => {
    Deno.symlinkSync(`${directory}/www`, `${directory}/link`);
    const message = async (name: string) =>
      (await checkRoot({ root: `${directory}/${name}`, symlinks: "refuse" }, "web.root"))[0]
        ?.message ?? "fine";
    assert.equal(await message("www"), "fine");
    assert.match(await message("none"), /must exist/);
    assert.match(await message("link"), /must not be a symbolic link/);
    assert.match(await message("www/index.html"), /must be a directory/);
    const web = pageSchema.parse({ root: `${directory}/www` });
    assert.deepEqual(await checkListing(web, "web.root"), []);
  });
});
