/**
 * Levels of one worker, taken on the ticks of its clock: how late it runs, what its heap holds, what is
 * under way. A level that is looked up and not kept up to date cannot drift.
 *
 * @module
 */
import { getHeapStatistics } from "node:v8";
import type { Gauge, Metrics } from "../../gateway/reports/metrics.ts";
import { TICK_MS } from "../../net/clock.ts";

/** Ticks between two looks: a second. */
const LOOK_TICKS = 1000 / TICK_MS;
/** Looks over which the lag is the highest one. */
const LAG_LOOKS = 5;

/** What a worker has under way. */
export interface UnderWay {
  /** Exchanges that are not over. */
  readonly requests: number;
  /** Streams of HTTP/2 connections. */
  readonly streams: number;
  /** Open connections by listener. */
  readonly connections: Iterable<readonly [listener: string, open: number]>;
}

/** The levels of one worker. */
export class WorkerGauges {
  readonly #metrics: Metrics;
  readonly #underWay: () => UnderWay;
  readonly #lag: Gauge;
  readonly #heapUsed: Gauge;
  readonly #heapLimit: Gauge;
  readonly #seen: Gauge;
  readonly #requests: Gauge;
  readonly #streams: Gauge;
  readonly #connections = new Map<string, Gauge>();
  /** Real time between two ticks, in milliseconds. */
  readonly #tickMs: number;
  #lastTick: number;
  #ticks = 0;
  /** Highest lag of each of the last looks, in milliseconds. */
  readonly #lags: number[] = new Array(LAG_LOOKS).fill(0);
  #look = 0;

  /** @param worker Its index, for the label. */
  constructor(metrics: Metrics, worker: number, pace: number, underWay: () => UnderWay) {
    this.#metrics = metrics;
    this.#underWay = underWay;
    this.#tickMs = TICK_MS / pace;
    const labels = { worker: String(worker) };
    this.#lag = metrics.gauge("fluxheim_worker_event_loop_lag_seconds", labels);
    this.#heapUsed = metrics.gauge("fluxheim_worker_heap_used_bytes", labels);
    this.#heapLimit = metrics.gauge("fluxheim_worker_heap_limit_bytes", labels);
    this.#seen = metrics.gauge("fluxheim_worker_seen_timestamp_seconds", labels);
    this.#requests = metrics.gauge("fluxheim_requests_in_flight", {});
    this.#streams = metrics.gauge("fluxheim_http2_streams", {});
    this.#lastTick = performance.now();
    this.#take();
  }

  /** To be called on every tick of the clock. */
  tick(): void {
    const now = performance.now();
    const lag = Math.max(0, now - this.#lastTick - this.#tickMs);
    this.#lastTick = now;
    const at = this.#look % LAG_LOOKS;
    if (lag > this.#lags[at]) this.#lags[at] = lag;
    if (++this.#ticks % LOOK_TICKS !== 0) return;
    this.#take();
    this.#look++;
    this.#lags[this.#look % LAG_LOOKS] = 0;
  }

  #take(): void {
    this.#lag.set(Math.max(...this.#lags) / 1000);
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    this.#heapUsed.set(used_heap_size);
    this.#heapLimit.set(heap_size_limit);
    this.#seen.set(Math.floor(Date.now() / 1000));
    const { requests, streams, connections } = this.#underWay();
    this.#requests.set(requests);
    this.#streams.set(streams);
    for (const [listener, open] of connections) {
      let gauge = this.#connections.get(listener);
      if (gauge === undefined) {
        gauge = this.#metrics.gauge("fluxheim_connections", { listener });
        this.#connections.set(listener, gauge);
      }
      gauge.set(open);
    }
  }
}
