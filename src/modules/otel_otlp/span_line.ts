/**
 * A finished exchange on its way from the worker to the exporter: one line of JSON, without a path, a query,
 * a host, an address or a field of a client. The exporter takes what it reads for untrusted.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { hasFailed } from "../../gateway/exchange/outcome.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import type { SpanAttribute, SpanPart } from "../../gateway/reports/span_attribute.ts";
import type { TraceContext } from "../../gateway/reports/trace_context.ts";

/** Methods that a span names (spec 06 section B2). */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);

/** Names that are shown (spec 06 section B2). */
const SAFE_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Beginning and length within an exchange, in microseconds. */
export type Interval = readonly [at: number, us: number];

/** What a line says. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly state: string;
  /** Wall clock at the beginning, in milliseconds since 1970. */
  readonly startMs: number;
  readonly us: number;
  readonly method: string;
  readonly status: number;
  readonly failed: boolean;
  readonly vhost: string;
  readonly route: string;
  readonly received: number;
  readonly sent: number;
  readonly upstream: string;
  readonly retries: number;
  readonly cachePhase: string;
  /** Attributes of modules. */
  readonly more: Readonly<Record<string, SpanValue>>;
  readonly auth: Interval | null;
  readonly connect: Interval | null;
  readonly wait: Interval | null;
  /** Parts of modules, by name. */
  readonly parts: Readonly<Record<string, Interval>>;
}

/** Value of an attribute. */
export type SpanValue = string | number | boolean;

/**
 * The line of an exchange, with its line end.
 *
 * @param attributes,parts Of modules.
 */
export function spanLine(
  exchange: Exchange,
  trace: TraceContext,
  attributes: readonly SpanAttribute[] = [],
  parts: readonly SpanPart[] = [],
): string {
  const { scope, findings, method } = exchange;
  const record: SpanRecord = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parentId,
    state: trace.state,
    startMs: trace.startMs,
    us: microsecondsSince(exchange),
    method: METHODS.has(method) ? method : "OTHER",
    status: exchange.status,
    failed: hasFailed(exchange),
    vhost: scope?.vhost.name ?? "unknown",
    route: scope?.route?.name ?? "",
    received: exchange.requestBodyBytes,
    sent: exchange.responseBodyBytes,
    upstream: SAFE_NAME.test(findings.upstreamAlias) ? findings.upstreamAlias : "",
    retries: findings.retries,
    cachePhase: findings.cachePhase,
    more: valuesOf(exchange, attributes),
    auth: interval(findings.authAt, findings.authUs),
    connect: interval(findings.connectAt, findings.connectUs),
    wait: interval(findings.waitAt, findings.waitUs),
    parts: partsOf(exchange, parts),
  };
  return JSON.stringify(record) + "\n";
}

const NO_VALUES: Readonly<Record<string, SpanValue>> = Object.freeze({});

function valuesOf(
  exchange: Exchange,
  attributes: readonly SpanAttribute[],
): Readonly<Record<string, SpanValue>> {
  let found: Record<string, SpanValue> | undefined;
  for (const attribute of attributes) {
    const value = attribute.of(exchange);
    if (value !== undefined) (found ??= {})[attribute.key] = value;
  }
  return found ?? NO_VALUES;
}

const NO_PARTS: Readonly<Record<string, Interval>> = Object.freeze({});

function partsOf(
  exchange: Exchange,
  parts: readonly SpanPart[],
): Readonly<Record<string, Interval>> {
  let found: Record<string, Interval> | undefined;
  for (const part of parts) {
    const value = part.of(exchange);
    if (value !== undefined) (found ??= {})[part.name] = value;
  }
  return found ?? NO_PARTS;
}

function interval(at: number, us: number): Interval | null {
  return at < 0 || us < 0 ? null : [at, us];
}

const HEX = /^[0-9a-f]+$/;
const KEY = /^[a-z][a-z0-9_.]{0,63}$/;
/** Name of a part. */
const PART = /^[a-z]+(?: [a-z]+){0,3}$/;
/** Most parts of modules. */
const MAX_PARTS = 8;
/** Most attributes of modules. */
const MAX_MORE = 32;
/** Longest text of a line. */
const MAX_TEXT = 512;
/** Longest time of a line: eighteen minutes. */
const MAX_US = 2 ** 30;

/** What a line says, or `undefined` where no {@linkcode spanLine} has written it. */
export function parseSpanLine(line: string): SpanRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const found: Partial<Record<keyof SpanRecord, unknown>> = value;
  const isText = (item: unknown): item is string =>
    typeof item === "string" && item.length <= MAX_TEXT;
  const isId = (item: unknown, length: number): item is string =>
    isText(item) && item.length === length && HEX.test(item);
  const isCount = (item: unknown): item is number =>
    typeof item === "number" && Number.isSafeInteger(item) && item >= 0;
  const isInterval = (item: unknown): item is Interval | null =>
    item === null ||
    Array.isArray(item) && item.length === 2 &&
      item.every((part) => isCount(part) && part <= MAX_US);
  const areParts = (item: unknown): item is SpanRecord["parts"] => {
    if (typeof item !== "object" || item === null) return false;
    const entries: [string, unknown][] = Object.entries(item);
    return entries.length <= MAX_PARTS &&
      entries.every(([name, one]) =>
        name.length <= 64 && PART.test(name) && one !== null && isInterval(one)
      );
  };
  const isMore = (item: unknown): item is SpanRecord["more"] => {
    if (typeof item !== "object" || item === null) return false;
    const entries: [string, unknown][] = Object.entries(item);
    return entries.length <= MAX_MORE && entries.every(([key, one]) =>
      KEY.test(key) &&
      (isText(one) || typeof one === "boolean" || typeof one === "number" && Number.isFinite(one))
    );
  };
  const { traceId, spanId, parentId, state, startMs, us, method, status, failed, vhost, route } =
    found;
  const { received, sent, upstream, retries, cachePhase, more, auth, connect, wait, parts } = found;
  if (!isId(traceId, 32) || !isId(spanId, 16)) return undefined;
  if (parentId !== "" && !isId(parentId, 16)) return undefined;
  if (!isText(state) || !isText(method) || !isText(vhost) || !isText(route)) return undefined;
  if (!isText(upstream) || !isText(cachePhase) || !isMore(more)) return undefined;
  if (!isCount(startMs) || !isCount(us) || !isCount(status) || !isCount(received)) return undefined;
  if (!isCount(sent) || !isCount(retries) || typeof failed !== "boolean") return undefined;
  if (
    !areParts(parts) || us > MAX_US || !isInterval(auth) || !isInterval(connect) ||
    !isInterval(wait)
  ) {
    return undefined;
  }
  return {
    traceId,
    spanId,
    parentId,
    state,
    startMs,
    us,
    method,
    status,
    failed,
    vhost,
    route,
    received,
    sent,
    upstream,
    retries,
    cachePhase,
    more,
    auth,
    connect,
    wait,
    parts,
  };
}
