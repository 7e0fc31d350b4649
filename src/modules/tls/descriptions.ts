/** Metrics of TLS. @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";

/** Beyond 1.5. */
export const EXPIRY: MetricSpec = {
  name: "fluxheim_tls_certificate_expiry_timestamp_seconds",
  help: "When a certificate expires, by the key that names it.",
  type: "gauge",
  labels: { certificate: "configured" },
  fold: "max",
};

/** Beyond 1.5; what is left of a certificate means little without it. */
export const VALID_FROM: MetricSpec = {
  name: "fluxheim_tls_certificate_not_before_timestamp_seconds",
  help: "When a certificate became valid, by the key that names it.",
  type: "gauge",
  labels: { certificate: "configured" },
  fold: "max",
};
