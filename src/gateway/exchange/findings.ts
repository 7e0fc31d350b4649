/**
 * What was found out about an exchange on its way, beside its protocol: what the access record, header
 * templates and metrics show of it.
 *
 * @module
 */

/** Findings about one exchange. A string that is `""` and a number that is `null` were not found. */
export class Findings {
  /** `host:port` of the upstream that was asked, as configured. */
  upstream = "";
  /** Name of that member of a pool. */
  upstreamAlias = "";
  /** Requests that were sent to upstreams after the first one. */
  retries = 0;
  /** How a cache took part: `hit`, `miss`, `stale` ... */
  cachePhase = "";
  /** `content-encoding` that this gateway gave the answer. */
  contentCoding = "";
  /** Where the client is, as ISO 3166-1 alpha-2 in upper case. */
  country = "";
  /** The autonomous system that the client is in. */
  asn: number | null = null;

  // Times as `timing.ts` has them; -1 for what has not happened, or where nothing asks for times.
  /** When the first attempt at an upstream began. */
  upstreamAt: number = -1;
  /** How long it took from there to the head of the answer, or to the failure of the last attempt. */
  upstreamUs: number = -1;
  /** When the last attempt began to connect; not where a connection was there. */
  connectAt: number = -1;
  /** How long that took. */
  connectUs: number = -1;
  /** When the last attempt had a connection: the request is sent, and the head of the answer waited for. */
  waitAt: number = -1;
  /** How long that took. */
  waitUs: number = -1;
  /** When the last auth service was asked. */
  authAt: number = -1;
  /** How long its answer took. */
  authUs: number = -1;
}
