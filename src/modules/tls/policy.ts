/**
 * TLS policy, and what the runtime really does (spec 05 section 2): it offers exactly the suites and
 * groups of the profiles' defaults and lets the client's order decide; neither of its TLS servers takes
 * a list, so an explicit one is refused.
 *
 * @module
 */
import type { TlsConfig } from "./schema.ts";

/** The lowest version that is accepted. */
export function lowestVersion({ profile, min_protocol }: TlsConfig): "TLSv1.2" | "TLSv1.3" {
  const lowest = min_protocol ?? (profile === "modern" ? "tls1.3" : "tls1.2");
  return lowest === "tls1.3" ? "TLSv1.3" : "TLSv1.2";
}

/** What is offered by ALPN, in this order. */
export function offeredProtocols({ alpn }: TlsConfig): readonly ("h2" | "http/1.1")[] {
  switch (alpn) {
    case "http1":
      return ["http/1.1"];
    case "http2":
      return ["h2"];
    case "http1-and-http2":
      return ["h2", "http/1.1"];
  }
}

/** The mode label of status and diagnostics (spec 05 section 5). */
export function complianceMode({ fips, iso19790 }: TlsConfig): string {
  const modes = [
    ...(fips.required ? ["FIPS 140-3"] : []),
    ...(iso19790.required ? ["ISO/IEC 19790"] : []),
  ];
  return modes.length === 0 ? "none" : modes.join(" / ");
}
