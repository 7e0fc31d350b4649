/** The exporter of metrics, in the telemetry service. @module */
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { SeriesReader } from "../../gateway/reports/series_reader.ts";
import { Collector } from "../../gateway/otlp/collector.ts";
import { EXPORTS } from "./descriptions.ts";
import { metricsJson } from "./metrics_json.ts";
import type { MetricsOtlpConfig } from "./schema.ts";
import { metricsOtlpOf } from "./table.ts";

/** Posts metrics. */
export const telemetry: Service = {
  module: "metrics-otlp",
  role: "telemetry",
  openMetrics: openSeriesMetrics,
  start(context): Promise<RunningService> {
    const otlp = metricsOtlpOf(context.config);
    const stop = otlp === undefined ? () => {} : exporting(otlp, context);
    return Promise.resolve({
      // Nothing of it changes in a running process.
      reload: () => Promise.resolve(),
      takes: [],
      stop() {
        stop();
        return Promise.resolve();
      },
    });
  },
};

/** Posts every interval, first after one; returns how to end that. */
function exporting(otlp: MetricsOtlpConfig, context: ServiceContext): () => void {
  const { metrics, files, log, clock } = context;
  const { tls_ca_cert_path: ca, interval_secs, service_name } = otlp;
  const reader = new SeriesReader(context);
  const collector = new Collector(otlp, ca === undefined ? undefined : files.get(ca));
  const success = metrics.counter(EXPORTS.name, { outcome: "success" });
  const failure = metrics.counter(EXPORTS.name, { outcome: "failure" });
  // Counts are of the process; this thread may have taken the place of another one.
  const startMs = context.processStartMs;
  let next = clock.now + interval_secs * 1000;
  let isPosting = false;
  let isFailing = false;
  const post = async () => {
    for (const body of metricsJson(reader.read(), service_name, startMs, Date.now())) {
      const outcome = await collector.post(body);
      if (outcome.kind === "success") {
        success.count();
        isFailing = false;
        continue;
      }
      // What is not taken now is in the next message: it is cumulative.
      failure.count();
      const level = isFailing ? "debug" : "warn";
      isFailing = true;
      log.log(level, "fluxheim::metrics", `metrics could not be exported: ${outcome.reason}`);
      return;
    }
  };
  const stop = clock.every(() => {
    if (isPosting || clock.now < next) return;
    next = Math.max(next + interval_secs * 1000, clock.now);
    isPosting = true;
    void post().finally(() => isPosting = false);
  });
  return () => {
    stop();
    collector.close();
  };
}
