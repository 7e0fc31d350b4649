/** Our HPACK against that of python3-h2, in both directions. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import {
  decodeBlock,
  encodeBlock,
  fromHex,
  type Pair,
  plainClassifier,
} from "../../src/http/h2/hpack/testing/samples.ts";
import { Decoder } from "../../src/http/h2/hpack/decoder.ts";
import { Encoder } from "../../src/http/h2/hpack/encoder.ts";
import { HpackError } from "../../src/http/h2/hpack/error.ts";
import { Lines } from "../testing/lines.ts";
import { pythonTests } from "../testing/python.ts";

const PEER = fileURLToPath(new URL("hpack_peer.py", import.meta.url));

const testWithHpack = pythonTests("python3-hpack");

/** One Python process with one encoder and one decoder. */
class Peer {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: Lines;

  constructor(interpreter: string) {
    this.#child = new Deno.Command(interpreter, {
      args: [PEER],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = new Lines(this.#child.stdout);
  }

  async ask(order: unknown): Promise<Record<string, unknown>> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
    const line = await this.#lines.next();
    assert.ok(line !== undefined, "the peer ended");
    return JSON.parse(line);
  }

  async end(): Promise<void> {
    await this.#input.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}

const name = fc.constantFrom(
  ":status",
  ":path",
  ":authority",
  "accept-encoding",
  "content-type",
  "cookie",
  "set-cookie",
  "x-a",
  "x-longer-name",
  "date",
);
const value = fc.oneof(
  fc.constantFrom("", "200", "/", "gzip, deflate", "text/html; charset=utf-8", "v".repeat(300)),
  fc.uint8Array({ maxLength: 24 }).map((bytes) => String.fromCharCode(...bytes)),
);
const block = fc.record({
  pairs: fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 10 }),
  huffman: fc.boolean(),
  sensitive: fc.boolean(),
  size: fc.option(fc.integer({ min: 0, max: 4096 }), { freq: 4, nil: null }),
});

testWithHpack(
  "what python3-h2 encodes decodes to the same fields, and the other way round",
  async (python) => {
    const peer = new Peer(python);
    const decoder = new Decoder(plainClassifier);
    const encoder = new Encoder();
    try {
      for (const { pairs, huffman, sensitive, size } of fc.sample(block, 400)) {
        const encode = pairs.map(([name, value]) => [name, value, sensitive]);
        const { wire } = await peer.ask({ encode, huffman, size });
        assert.deepEqual(decodeBlock(decoder, fromHex(String(wire))), pairs);

        if (size !== null) encoder.tableLimit = size;
        const ours = encodeBlock(encoder, pairs);
        const answer = await peer.ask({ decode: hex(ours) });
        assert.deepEqual(answer.fields, pairs, String(answer.error));
      }
    } finally {
      await peer.end();
    }
  },
);

testWithHpack(
  "a first block that python3-h2 refuses is refused, one that it decodes decodes the same",
  async (python) => {
    const peer = new Peer(python);
    try {
      for (const bytes of fc.sample(fc.uint8Array({ maxLength: 12 }), 2000)) {
        await peer.ask({ reset: true });
        const theirs = await peer.ask({ decode: hex(bytes) });
        let ours: Pair[] | undefined;
        try {
          ours = decodeBlock(new Decoder(plainClassifier), bytes);
        } catch (error) {
          assert.ok(error instanceof HpackError);
        }
        assert.deepEqual(ours, theirs.fields, `${hex(bytes)}: ${theirs.error}`);
      }
    } finally {
      await peer.end();
    }
  },
);

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
