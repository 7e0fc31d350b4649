/**
 * The published vectors (http2jp/hpack-test-case): what ten other encoders make of real header lists.
 * They are not part of the repository; without them this test is reported as ignored.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { decodeBlock, fromHex, type Pair, plainClassifier } from "./testing/samples.ts";
import { Decoder } from "./decoder.ts";
import { TextCache } from "./text_cache.ts";

const archive = new URL("../../../../../shared/data/hpack-test-case.tar.xz", import.meta.url);

interface Case {
  readonly wire: string;
  readonly headers: readonly Record<string, string>[];
  readonly header_table_size?: number;
}

function isThere(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

function* storyFiles(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) yield* storyFiles(path);
    else if (/^story_\d+\.json$/.test(entry.name)) yield path;
  }
}

Deno.test({
  name: "published HPACK vectors decode to their header lists",
  ignore: !isThere(archive),
  fn() {
    const directory = Deno.makeTempDirSync();
    try {
      const tar = new Deno.Command("tar", {
        args: ["-xJf", fileURLToPath(archive), "-C", directory],
      });
      assert.equal(tar.outputSync().code, 0);
      let blocks = 0;
      for (const path of storyFiles(directory)) {
        const story: { cases: Case[] } = JSON.parse(Deno.readTextFileSync(path));
        const largest = Math.max(4096, ...story.cases.map((each) => each.header_table_size ?? 0));
        const decoder = new Decoder(plainClassifier, largest);
        // So few slots that what is kept is replaced again and again.
        const keeping = new Decoder(plainClassifier, largest, new TextCache(8));
        for (const [at, { wire, headers }] of story.cases.entries()) {
          const expected: Pair[] = headers.map((field) => Object.entries(field)[0]);
          const actual = decodeBlock(decoder, fromHex(wire));
          assert.deepEqual(actual, expected, `${path} case ${at}`);
          assert.deepEqual(decodeBlock(keeping, fromHex(wire)), expected, `${path} case ${at}`);
          blocks++;
        }
      }
      assert.ok(blocks > 1000, `only ${blocks} blocks were found`);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
