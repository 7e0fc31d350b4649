/** Trace context at work (spec 06 section C2). @module */
import type { AccessField } from "../../gateway/reports/access_field.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule, RunningModule, SnapshotContext } from "../../gateway/module.ts";
import { TraceContext } from "../../gateway/reports/trace_context.ts";
import { TrustedPeers } from "../../net/trusted_peers.ts";
import type { TracingConfig } from "./schema.ts";
import { tracingOf } from "./table.ts";
import {
  isWithin,
  RandomIds,
  readTraceparent,
  type Traceparent,
  tracestateOf,
} from "./trace_fields.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "otel-tracing",
  open: () => ({
    start(context) {
      const tracing = tracingOf(context.config);
      return tracing === undefined ? IDLE : new Tracing(tracing, context);
    },
  }),
};

const TRACE_ID: AccessField = { name: "trace_id", of: ({ trace }) => trace?.traceId ?? "" };
const SPAN_ID: AccessField = { name: "span_id", of: ({ trace }) => trace?.spanId ?? "" };

class Tracing implements RunningModule {
  readonly accessFields: readonly AccessField[];
  readonly #tracing: TracingConfig;
  readonly #ids = new RandomIds();
  readonly #trusted: TrustedPeers;

  constructor(tracing: TracingConfig, { config }: SnapshotContext) {
    this.#tracing = tracing;
    this.#trusted = TrustedPeers.of(config.server.trusted_proxies);
    this.accessFields = tracing.log_trace_id ? [TRACE_ID, SPAN_ID] : [];
  }

  /** Only a direct peer that is trusted decides about the flag: any client can write it. */
  readonly begin = (exchange: Exchange): void => {
    const { request, connection } = exchange;
    const parent = request.has("traceparent") ? onlyOne(request.all("traceparent")) : undefined;
    const { mode, ratio_per_mille } = this.#tracing.sampling;
    const ratio = ratio_per_mille / 1000;
    const spanId = this.#ids.next(8);
    const now = Date.now();
    if (parent === undefined) {
      const traceId = this.#ids.next(16);
      const isChosen = mode === "all" || isWithin(ratio, traceId);
      exchange.trace = new TraceContext(
        traceId,
        "",
        spanId,
        mode !== "all" && isChosen,
        "",
        isChosen,
        now,
      );
      return;
    }
    const { traceId, parentId } = parent;
    const isTrusted = this.#trusted.hasPeer(connection);
    const isSampled = parent.isSampled && isTrusted;
    const follows = mode === "parent" && isTrusted;
    const isChosen = mode === "all" || (follows ? isSampled : isWithin(ratio, traceId));
    const states = request.all("tracestate");
    exchange.trace = new TraceContext(
      traceId,
      parentId,
      spanId,
      mode === "all" ? isSampled : isChosen,
      states.length === 0 ? "" : tracestateOf(states),
      isChosen,
      now,
    );
  };

  plan(): undefined {}

  stop(): void {}
}

/** A request that names two parents has none. */
function onlyOne(lines: readonly string[]): Traceparent | undefined {
  return lines.length === 1 ? readTraceparent(lines[0]) : undefined;
}
