/** One of the threads that count while they are read in `series_test.ts`. @module */
import { series } from "../series.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<{ memory: SharedArrayBuffer; index: number }>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: { memory, index } }) => {
  const writer = series.open(memory, { index, count: 3 });
  for (let i = 0; i < 100_000; i++) {
    writer.cell("requests_total", { route: String(i % 100) })?.count();
  }
  scope.postMessage("done");
};
