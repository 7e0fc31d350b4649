import assert from "node:assert/strict";
import { newDirectory } from "../../../config/testing/files.ts";
import { type Body, BodyError, BytesBody } from "../../../http/body.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { type BodyReader, CollectedBody, NoRoom } from "./collected_body.ts";

const KIB = 1024;

/** Bytes that differ from place to place. */
function bytes(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => i % 251);
}

/** Collects a body of `length` bytes; spooled above `threshold` where one is given. */
function collect(
  length: number,
  memory: MemoryBudget,
  threshold?: number,
  directory = newDirectory(),
) {
  Deno.chmodSync(directory, 0o700);
  const spool = threshold === undefined ? undefined : { threshold, directory };
  return CollectedBody.of(new BytesBody(bytes(length)), true, spool, memory, () => {});
}

function whole(reader: BodyReader | undefined): number[] {
  const found: number[] = [];
  const buffer = new Uint8Array(10_007);
  for (let count = reader?.read(buffer) ?? null; count !== null; count = reader!.read(buffer)) {
    found.push(...buffer.subarray(0, count));
  }
  return found;
}

for (
  const [name, length, threshold] of [
    ["nothing", 0, undefined],
    ["a few bytes", 5, undefined],
    ["a whole piece", 64 * KIB, undefined],
    ["some pieces", 200 * KIB + 1, undefined],
    ["as much as may stay in memory", 100 * KIB, 100 * KIB],
    ["one byte more", 100 * KIB + 1, 100 * KIB],
  ] as const
) {
  Deno.test(`${name}: every reader has all of it`, async () => {
    const memory = new MemoryBudget();
    const body = await collect(length, memory, threshold);
    assert.equal(body.length, length);
    assert.equal(body.isSpooled, threshold !== undefined && length > threshold);
    const readers = [body.reader(), body.reader()];
    body.release();
    for (const reader of readers) {
      assert.deepEqual(whole(reader), [...bytes(length)]);
      reader?.done();
      reader?.done();
    }
    assert.ok(memory.tryTake(memory.maxBytes), "some of it is still taken");
  });
}

Deno.test("without room in memory a body goes to its file, or nowhere", async () => {
  const memory = new MemoryBudget(128 * KIB);
  const body = await collect(200 * KIB, memory, 1024 * KIB);
  assert.equal(body.isSpooled, true);
  assert.deepEqual(whole(body.reader()), [...bytes(200 * KIB)]);
  await assert.rejects(collect(200 * KIB, memory), NoRoom);
  assert.ok(memory.tryTake(128 * KIB), "some of it is still taken");
});

Deno.test("a directory that others may write to takes no body", async () => {
  const directory = newDirectory();
  const body: Body = new BytesBody(bytes(10));
  Deno.chmodSync(directory, 0o777);
  const reasons: string[] = [];
  const collecting = CollectedBody.of(
    body,
    true,
    { threshold: 1, directory },
    new MemoryBudget(),
    (reason) => {
      reasons.push(reason);
    },
  );
  await assert.rejects(collecting, (error) => error instanceof BodyError && error.status === 500);
  assert.match(reasons[0], /only its owner/);
  assert.deepEqual([...Deno.readDirSync(directory)], []);
});

Deno.test("a body that is not wanted is read all the same", async () => {
  const body = await CollectedBody.of(
    new BytesBody(bytes(10)),
    false,
    undefined,
    new MemoryBudget(),
    () => {},
  );
  assert.equal(body.length, 0);
  assert.equal(body.reader(), undefined);
});
