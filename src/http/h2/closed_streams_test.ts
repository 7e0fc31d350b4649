import assert from "node:assert/strict";
import { ClosedStreams } from "./closed_streams.ts";

Deno.test("streams are remembered with how they ended", () => {
  const closed = new ClosedStreams();
  closed.complete(1);
  closed.reset(3);
  closed.reset(0x7fff_ffff);
  assert.equal(closed.endingOf(1), "complete");
  assert.equal(closed.endingOf(3), "reset-by-us");
  assert.equal(closed.endingOf(0x7fff_ffff), "reset-by-us");
  assert.equal(closed.endingOf(5), "unknown");
  assert.equal(new ClosedStreams().endingOf(1), "unknown");
});

Deno.test("the oldest are forgotten first", () => {
  const closed = new ClosedStreams();
  for (let id = 1; id <= 2 * 129 - 1; id += 2) closed.complete(id);
  assert.equal(closed.endingOf(1), "unknown");
  assert.equal(closed.endingOf(3), "complete");
});
