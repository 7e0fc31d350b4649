/** Leaves a line for each exported request (spec 06 section C3). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { EdgeModule, RunningModule, SnapshotContext } from "../../gateway/module.ts";
import {
  SPAN_ATTRIBUTES,
  SPAN_PARTS,
  type SpanAttribute,
  type SpanPart,
} from "../../gateway/reports/span_attribute.ts";
import { ring, type RingWriter } from "../../zones/ring.ts";
import { DROPPED } from "./descriptions.ts";
import { spanLine } from "./span_line.ts";
import { SPANS_ZONE, tracingOtlpOf } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "otel-otlp",
  open: (worker) => ({
    start: (context) =>
      tracingOtlpOf(context.config) === undefined ? IDLE : new Spans(
        context,
        worker.extensions(SPAN_ATTRIBUTES),
        worker.extensions(SPAN_PARTS),
      ),
  }),
};

class Spans implements RunningModule {
  readonly usesTime = true;
  readonly #ring: RingWriter;
  readonly #dropped: Counter;

  readonly #attributes: readonly SpanAttribute[];
  readonly #parts: readonly SpanPart[];

  constructor(
    { zones, metrics }: SnapshotContext,
    attributes: readonly SpanAttribute[],
    parts: readonly SpanPart[],
  ) {
    this.#attributes = attributes;
    this.#parts = parts;
    this.#ring = zones.open(ring, SPANS_ZONE);
    this.#dropped = metrics.counter(DROPPED.name, { reason: "ring_full" });
  }

  readonly finished = (exchange: Exchange): void => {
    const { trace } = exchange;
    // A head that could not be read has none.
    if (trace === undefined || !trace.isExported || exchange.startedAt === 0) return;
    const line = spanLine(exchange, trace, this.#attributes, this.#parts);
    if (!this.#ring.append(line)) this.#dropped.count();
  };

  plan(): undefined {}

  stop(): void {}
}
