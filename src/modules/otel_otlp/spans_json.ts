/**
 * Spans as OTLP has them (spec 06 section C3): one server span for a request, and a child for each time that
 * it has waited for another program.
 *
 * @module
 */
import {
  bool,
  int,
  type KeyValue,
  resourceOf,
  SCOPE,
  SPAN_KIND,
  STATUS_CODE,
  text,
  unixNano,
} from "../../gateway/otlp/json.ts";
import type { Interval, SpanRecord, SpanValue } from "./span_line.ts";

/** One message with these spans. */
export function tracesJson(
  records: readonly SpanRecord[],
  serviceName: string,
  newSpanId: () => string,
): string {
  const spans = records.flatMap((record) => [serverSpan(record), ...children(record, newSpanId)]);
  return JSON.stringify({
    resourceSpans: [{
      resource: resourceOf(serviceName),
      scopeSpans: [{ scope: SCOPE, spans }],
    }],
  });
}

function serverSpan(record: SpanRecord): unknown {
  const { traceId, spanId, parentId, state, startMs, us, method, status, failed } = record;
  const isError = failed || status >= 500;
  return {
    traceId,
    spanId,
    ...(state === "" ? {} : { traceState: state }),
    ...(parentId === "" ? {} : { parentSpanId: parentId }),
    name: `HTTP ${method}`,
    kind: SPAN_KIND.server,
    startTimeUnixNano: unixNano(startMs),
    endTimeUnixNano: unixNano(startMs, us),
    attributes: attributesOf(record),
    status: { code: isError ? STATUS_CODE.error : STATUS_CODE.ok },
  };
}

function attributesOf(record: SpanRecord): readonly KeyValue[] {
  const { method, status, received, sent, failed, vhost, route, upstream, retries } = record;
  const { cachePhase, more, wait, connect } = record;
  const asked = wait !== null || connect !== null;
  return [
    text("http.request.method", method === "OTHER" ? "_OTHER" : method),
    ...(status === 0 ? [] : [int("http.response.status_code", status)]),
    int("http.request.body.size", received),
    int("http.response.body.size", sent),
    bool("error", failed || status >= 500),
    text("fluxheim.vhost", vhost),
    ...(route === "" ? [] : [text("fluxheim.route", route)]),
    ...(upstream === "" ? [] : [text("fluxheim.load_balancer.upstream", upstream)]),
    ...(asked ? [int("fluxheim.upstream.retries", retries)] : []),
    ...(cachePhase === "" ? [] : [text("fluxheim.cache.phase", cachePhase)]),
    ...Object.entries(more).map(([key, value]) => attributeOf(key, value)),
  ];
}

function attributeOf(key: string, value: SpanValue): KeyValue {
  if (typeof value === "string") return text(key, value);
  if (typeof value === "boolean") return bool(key, value);
  // A time is a double whatever it is (spec 06 section C3).
  const isInt = Number.isSafeInteger(value) && !key.endsWith("_ms");
  return isInt ? int(key, value) : { key, value: { doubleValue: value } };
}

function children(record: SpanRecord, newSpanId: () => string): readonly unknown[] {
  const { client, internal } = SPAN_KIND;
  const parts: readonly (readonly [name: string, kind: number, interval: Interval | null])[] = [
    ["auth request", client, record.auth],
    ["upstream connect", client, record.connect],
    ["upstream wait", client, record.wait],
    ...Object.entries(record.parts).map(([name, part]) => [name, internal, part] as const),
  ];
  return parts.flatMap(([name, kind, interval]) => {
    if (interval === null) return [];
    const [at, us] = interval;
    return [{
      traceId: record.traceId,
      spanId: newSpanId(),
      parentSpanId: record.spanId,
      name,
      kind,
      startTimeUnixNano: unixNano(record.startMs, at),
      endTimeUnixNano: unixNano(record.startMs, at + us),
      attributes: [],
      status: { code: 0 },
    }];
  });
}
