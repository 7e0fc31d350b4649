/** Entry of the telemetry service of profile `full`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { telemetry as metricsOtlp } from "../modules/metrics_otlp/telemetry.ts";
import { telemetry as otelOtlp } from "../modules/otel_otlp/telemetry.ts";
import { unixSockets } from "../net/listen/unix.ts";
import { runServiceWith } from "../runtime/threads/service_thread.ts";

runServiceWith(unixSockets, metricsOtlp, otelOtlp);
