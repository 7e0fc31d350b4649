import assert from "node:assert/strict";
import { BodyError, readAll } from "../../../http/body.ts";
import { FileBody } from "./file_body.ts";
import { locate, type Place } from "./lookup.ts";
import { openFile } from "./open_file.ts";
import { openBelow, TestSite } from "../testing/site.ts";

function bodyOf(t: TestSite, name: string, first?: number, length?: number): FileBody {
  const file = openFile(locate(t.root, [name]) as Place)!;
  return new FileBody(file, first ?? 0, length ?? file.size);
}

/** Reads pieces of `size` bytes until the end or an error. */
function drain(body: FileBody, size: number): { bytes: number[]; error?: unknown } {
  const bytes: number[] = [];
  const into = new Uint8Array(size);
  try {
    for (;;) {
      const count = body.read(into);
      if (count === null) return { bytes };
      bytes.push(...into.subarray(0, count));
    }
  } catch (error) {
    return { bytes, error };
  }
}

Deno.test("file body: gives the part asked for, whatever the pieces, and closes the file", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  for (const size of [1, 3, 4, 100]) {
    const { bytes } = drain(bodyOf(t, "n.txt", 2, 7), size);
    assert.equal(String.fromCharCode(...bytes), "2345678");
    assert.equal(openBelow(t.root), 0);
  }
});

Deno.test("file body: of no bytes is at its end and closed at once", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const body = bodyOf(t, "n.txt", 0, 0);
  assert.equal(openBelow(t.root), 0);
  assert.equal(body.read(new Uint8Array(1)), null);
});

Deno.test("file body: closes the file when it is cancelled, and when it is released", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const cancelled = bodyOf(t, "n.txt");
  cancelled.read(new Uint8Array(3));
  cancelled.cancel();
  cancelled.cancel();
  bodyOf(t, "n.txt").release();
  assert.equal(openBelow(t.root), 0);
  assert.throws(() => cancelled.read(new Uint8Array(3)), BodyError);
});

Deno.test("file body: breaks off when the file becomes shorter", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const body = bodyOf(t, "n.txt");
  body.read(new Uint8Array(3));
  await Deno.truncate(`${t.root}/n.txt`, 5);
  const { error } = drain(body, 100);
  assert.ok(error instanceof BodyError && error.status === 500);
  assert.equal(openBelow(t.root), 0);
});

Deno.test("file body: keeps the last bytes back when the file has changed meanwhile", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const anotherTime = () => Deno.writeTextFile(`${t.root}/n.txt`, "ABCDEFGHIJ");
  const anotherSize = async () => {
    const { mtime } = await Deno.stat(`${t.root}/n.txt`);
    await Deno.writeTextFile(`${t.root}/n.txt`, "ABCDEFGHIJmore");
    await Deno.utime(`${t.root}/n.txt`, mtime!, mtime!);
  };
  for (const change of [anotherTime, anotherSize]) {
    t.write("n.txt", "0123456789");
    const body = bodyOf(t, "n.txt");
    body.read(new Uint8Array(6));
    await change();
    const { bytes, error } = drain(body, 2);
    assert.ok(error instanceof BodyError && error.status === 500);
    assert.ok(bytes.length < 4, `${bytes.length} of the last 4 bytes`);
    assert.equal(openBelow(t.root), 0);
  }
});

Deno.test("file body: a file that becomes longer is given as it was, and that is reported", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const file = openFile(locate(t.root, ["n.txt"]) as Place)!;
  let told = 0;
  const body = new FileBody(file, 2, 8, () => told++);
  body.read(new Uint8Array(3));
  await Deno.writeTextFile(`${t.root}/n.txt`, "more", { append: true });
  const { bytes, error } = drain(body, 2);
  assert.equal(error, undefined);
  assert.equal(String.fromCharCode(...bytes), "56789");
  assert.equal(told, 1);
  assert.equal(openBelow(t.root), 0);
});

Deno.test("file body: a file replaced by another goes on as it was", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789", "other.txt": "other" });
  const body = bodyOf(t, "n.txt");
  await Deno.rename(`${t.root}/other.txt`, `${t.root}/n.txt`);
  assert.equal(new TextDecoder().decode(await readAll(body, 100)), "0123456789");
});
