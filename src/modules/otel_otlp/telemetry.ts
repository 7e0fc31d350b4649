/** The exporter of spans, in the telemetry service. @module */
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { Collector, Pauses } from "../../gateway/otlp/collector.ts";
import { RandomIds } from "../otel_tracing/table.ts";
import { DROPPED, EXPORTED, QUEUED } from "./descriptions.ts";
import type { TracingOtlpConfig } from "./schema.ts";
import { SpanQueue } from "./span_queue.ts";
import { tracesJson } from "./spans_json.ts";
import { SPANS_ZONE, tracingOtlpOf } from "./table.ts";

/** Most requests of one message. */
const BATCH = 512;
/** Longest that a span waits for others to be sent with it. */
const BATCH_MS = 1_000;
/** Time for the last message when the process ends. */
const LAST_POST_MS = 500;

/** Posts spans. */
export const telemetry: Service = {
  module: "otel-otlp",
  role: "telemetry",
  openMetrics: openSeriesMetrics,
  start(context): Promise<RunningService> {
    const otlp = tracingOtlpOf(context.config);
    const exporter = otlp === undefined ? undefined : new Exporter(otlp, context);
    return Promise.resolve({
      // Nothing of it changes in a running process.
      reload: () => Promise.resolve(),
      takes: [],
      stop: async () => await exporter?.stop(),
    });
  },
};

class Exporter {
  readonly #otlp: TracingOtlpConfig;
  readonly #context: ServiceContext;
  readonly #collector: Collector;
  readonly #queue: SpanQueue;
  readonly #pauses = new Pauses();
  readonly #ids = new RandomIds();
  readonly #stopTicking: () => void;
  readonly #counters;
  #posting: Promise<void> | undefined;
  #lastPost = performance.now();
  #notBefore = 0;
  #isFailing = false;

  constructor(otlp: TracingOtlpConfig, context: ServiceContext) {
    const { metrics, log, clock, files, reads } = context;
    this.#otlp = otlp;
    this.#context = context;
    const { tls_ca_cert_path: ca } = otlp;
    this.#collector = new Collector(otlp, ca === undefined ? undefined : files.get(ca));
    const dropped = (reason: string) => metrics.counter(DROPPED.name, { reason });
    this.#counters = {
      exported: metrics.counter(EXPORTED.name, {}),
      queueFull: dropped("queue_full"),
      refused: dropped("refused"),
      shutdown: dropped("shutdown"),
      queued: metrics.gauge(QUEUED.name, {}),
    };
    this.#queue = new SpanQueue(otlp.queue_size, {
      queueFull: (count) => this.#counters.queueFull.add(count),
      onFault: (what) => log.log("error", "fluxheim::security", what),
    }, (onGone) => reads(SPANS_ZONE, onGone));
    this.#stopTicking = clock.every(() => this.#tick());
  }

  /** Sends what is left, for a short time. */
  async stop(): Promise<void> {
    this.#stopTicking();
    await this.#posting;
    this.#queue.collect();
    const last = this.#queue.next(BATCH);
    if (last.length > 0) {
      const { kind } = await this.#collector.post(this.#json(last), LAST_POST_MS);
      if (kind === "success") {
        this.#queue.done(last.length);
        this.#counters.exported.add(last.length);
      }
    }
    this.#counters.shutdown.add(this.#queue.size);
    this.#collector.close();
  }

  #tick(): void {
    this.#queue.collect();
    const { size } = this.#queue;
    this.#counters.queued.set(size);
    const now = performance.now();
    if (this.#posting !== undefined || size === 0 || now < this.#notBefore) return;
    if (size < BATCH && now - this.#lastPost < BATCH_MS) return;
    this.#posting = this.#post().finally(() => this.#posting = undefined);
  }

  /** Posts full batches until there is none; each one is given up only when the collector refuses it. */
  async #post(): Promise<void> {
    do {
      this.#lastPost = performance.now();
      const batch = this.#queue.next(BATCH);
      const outcome = await this.#collector.post(this.#json(batch));
      if (outcome.kind === "retry") {
        this.#notBefore = performance.now() + this.#pauses.next(outcome.afterMs);
        return this.#report(outcome.reason);
      }
      this.#queue.done(batch.length);
      if (outcome.kind === "failure") {
        this.#counters.refused.add(batch.length);
        this.#report(outcome.reason);
      } else {
        this.#counters.exported.add(batch.length);
        this.#pauses.reset();
        this.#isFailing = false;
      }
    } while (this.#queue.size >= BATCH);
  }

  #json(batch: ReturnType<SpanQueue["next"]>): string {
    return tracesJson(batch, this.#otlp.service_name, () => this.#ids.next(8));
  }

  /** Once until it works again: a collector that is away is away for long. */
  #report(reason: string): void {
    const { log } = this.#context;
    const level = this.#isFailing ? "debug" : "warn";
    this.#isFailing = true;
    log.log(level, "fluxheim::metrics", `spans could not be exported: ${reason}`);
  }
}
