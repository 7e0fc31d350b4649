/** Leaves a line for each exported request (spec 06 section C3). @module */
import type { Exchange } from "../../gateway/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type { Counter } from "../../gateway/metrics.ts";
import type { EdgeModule, RunningModule, SnapshotContext } from "../../gateway/module.ts";
import { ring, type RingWriter } from "../../zones/ring.ts";
import { DROPPED } from "./descriptions.ts";
import { spanLine } from "./span_line.ts";
import { SPANS_ZONE, tracingOtlpOf } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "otel-otlp",
  open: () => ({
    start: (context) => tracingOtlpOf(context.config) === undefined ? IDLE : new Spans(context),
  }),
};

class Spans implements RunningModule {
  readonly usesTime = true;
  readonly #ring: RingWriter;
  readonly #dropped: Counter;

  constructor({ zones, metrics }: SnapshotContext) {
    this.#ring = zones.open(ring, SPANS_ZONE);
    this.#dropped = metrics.counter(DROPPED.name, { reason: "ring_full" });
  }

  readonly finished = (exchange: Exchange): void => {
    const { trace } = exchange;
    // A head that could not be read has none.
    if (trace === undefined || !trace.isExported || exchange.startedAt === 0) return;
    if (!this.#ring.append(spanLine(exchange, trace))) this.#dropped.count();
  };

  plan(): undefined {}

  stop(): void {}
}
