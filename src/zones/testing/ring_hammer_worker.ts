/** Writes numbered lines of varying length into a ring as fast as it can, for `ring_test.ts`. @module */
import { RingWriter } from "../ring.ts";

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { shared, lines, port }: { shared: SharedArrayBuffer; lines: number; port: MessagePort } =
    event.data;
  const writer = new RingWriter(shared);
  let kept = 0;
  for (let i = 0; i < lines; i++) {
    if (writer.append(`${i} ${"x".repeat(i % 300)}\n`)) kept++;
  }
  port.postMessage(kept);
});
