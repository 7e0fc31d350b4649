/** When certificates are valid, for a scrape. @module */
import type { X509Certificate } from "node:crypto";
import type { Metrics, MetricSpec } from "../../gateway/reports/metrics.ts";
import { EXPIRY, VALID_FROM } from "./descriptions.ts";

/** Shows the beginning and the end of a certificate under the key that names it, and nothing else of it. */
export function showTimes(leaf: X509Certificate, certificate: string, metrics: Metrics): void {
  const show = ({ name }: MetricSpec, date: Date) =>
    metrics.gauge(name, { certificate }).set(Math.floor(date.getTime() / 1000));
  show(EXPIRY, leaf.validToDate);
  show(VALID_FROM, leaf.validFromDate);
}
