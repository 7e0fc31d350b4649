/** Entry of the telemetry service of profile `development`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { telemetry as metricsOtlp } from "../modules/metrics_otlp/telemetry.ts";
import { telemetry as otelOtlp } from "../modules/otel_otlp/telemetry.ts";
import { runService } from "../runtime/threads/service_thread.ts";

runService(metricsOtlp, otelOtlp);
