/** A snapshot store on a full disk. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TempDir, testUnlessMissing } from "../testing/peer.ts";

const PROGRAM = fileURLToPath(new URL("full_disk.ts", import.meta.url));

/** Runs `script` where a tmpfs of 256 KiB is mounted at `$1`, which only this process sees. */
async function inSmallDisk(directory: string, ...command: string[]): Promise<Deno.CommandOutput> {
  const mount = 'mount -t tmpfs -o size=256k none "$1" && shift && exec "$@"';
  return await new Deno.Command("unshare", {
    args: ["-rm", "sh", "-c", mount, "sh", directory, ...command],
  }).output();
}

async function missing(): Promise<readonly string[]> {
  await using dir = new TempDir();
  const { success } = await inSmallDisk(dir.path, "true").catch(() => ({ success: false }));
  return success ? [] : ["a mount namespace of one's own"];
}

testUnlessMissing(
  await missing(),
  "a full disk costs the change, and nothing that was there before",
  async () => {
    await using dir = new TempDir();
    const deno = [Deno.execPath(), "run", "-A", "-q", "--no-check", PROGRAM, dir.path];
    const { stdout, stderr } = await inSmallDisk(dir.path, ...deno);
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    const { refused, ...left } = JSON.parse(text);
    assert.deepEqual(left, {
      current: "first",
      ids: ["first"],
      read: true,
      known: "first",
      files: ["first.meta.toml", "first.toml"],
    });
    assert.ok(refused.length >= 3, "an inode may still fit, a file with content does not");
    assert.deepEqual([...new Set(refused)], ["io"]);
  },
);
