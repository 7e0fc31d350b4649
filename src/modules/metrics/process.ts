/**
 * Metrics of the process itself, by the names that every program has for them. They need no permission:
 * what the system knows of open files would.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, Registry } from "prom-client";

/** The metrics of the process, as text. */
export class ProcessMetrics {
  readonly #registry = new Registry();

  /**
   * @param build Labels of `fluxheim_build_info`.
   * @param startMs When the process started, in milliseconds since 1970.
   */
  constructor(build: Readonly<Record<string, string>>, startMs: number) {
    const registers = [this.#registry];
    const startedAt = Math.floor(startMs / 1000);
    let counted = 0;
    new Counter({
      name: "process_cpu_seconds_total",
      help: "Total user and system CPU time spent in seconds.",
      registers,
      collect() {
        const { user, system } = process.cpuUsage();
        const now = (user + system) / 1e6;
        if (now > counted) this.inc(now - counted);
        counted = Math.max(counted, now);
      },
    });
    new Gauge({
      name: "process_start_time_seconds",
      help: "Start time of the process since unix epoch in seconds.",
      registers,
      collect() {
        this.set(startedAt);
      },
    });
    new Gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory size in bytes.",
      registers,
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
    const info = new Gauge({
      name: "fluxheim_build_info",
      help: "A series that is 1, with the version of the program.",
      labelNames: Object.keys(build),
      registers,
    });
    info.set({ ...build }, 1);
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
