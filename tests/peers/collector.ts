/**
 * An OTLP collector of the tests' own, which checks each message against the protocol's JSON: ids in
 * hexadecimal, enumerations as numbers, 64-bit integers as decimal strings, no number that JSON has not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Upstream } from "../testing/upstream.ts";

/** A span, as far as tests look at it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number };
}

/** An attribute. */
export interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A metric, as far as tests look at it. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: Points & { readonly isMonotonic: boolean };
  readonly gauge?: Points;
  readonly histogram?: Points;
}

interface Points {
  readonly aggregationTemporality?: number;
  readonly dataPoints: readonly Point[];
}

/** A data point. */
export interface Point {
  readonly attributes: readonly Attribute[];
  readonly timeUnixNano: string;
  readonly startTimeUnixNano?: string;
  readonly asDouble?: number;
  readonly count?: string;
  readonly sum?: number;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
}

/** A collector on a port that the system picked. */
export class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly metrics: Metric[] = [];
  /** What was wrong with messages. */
  readonly faults: string[] = [];
  /** What is answered; no answer for 0. */
  status = 200;
  #peer: Upstream | undefined;

  static async start(): Promise<Collector> {
    const collector = new Collector();
    collector.#peer = await Upstream.start((request, response, body) => {
      const { status } = collector;
      if (status === 0) return;
      if (status === 200) {
        try {
          assert.equal(request.method, "POST");
          assert.equal(request.headers["content-type"], "application/json");
          collector.#take(JSON.parse(body));
        } catch (error) {
          collector.faults.push(`${error}`);
        }
      }
      response.statusCode = status;
      response.setHeader("content-type", "application/json");
      response.end("{}");
    });
    return collector;
  }

  get port(): number {
    return this.#peer?.port ?? 0;
  }

  /** Messages that have come. */
  get posts(): number {
    return this.#peer?.seen.length ?? 0;
  }

  /** Connections that were opened. */
  get connections(): number {
    return this.#peer?.connections ?? 0;
  }

  // deno-lint-ignore no-explicit-any -- what is checked here
  #take(message: any): void {
    for (const { resource, scopeSpans } of message.resourceSpans ?? []) {
      checkResource(resource);
      for (const { scope, spans } of scopeSpans) {
        assert.equal(scope.name, "fluxheim");
        for (const span of spans) {
          checkSpan(span);
          this.spans.push(span);
        }
      }
    }
    for (const { resource, scopeMetrics } of message.resourceMetrics ?? []) {
      checkResource(resource);
      for (const { scope, metrics } of scopeMetrics) {
        assert.equal(scope.name, "fluxheim");
        for (const metric of metrics) {
          checkMetric(metric);
          this.metrics.push(metric);
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
  }
}

/** An attribute's value, whatever its type. */
export function valueOf(
  { attributes }: { readonly attributes: readonly Attribute[] },
  key: string,
): unknown {
  const found = attributes.find((attribute) => attribute.key === key);
  return found === undefined ? undefined : Object.values(found.value)[0];
}

function checkResource({ attributes }: { readonly attributes: readonly Attribute[] }): void {
  attributes.forEach(checkAttribute);
  assert.ok(attributes.some(({ key }) => key === "service.name"));
  assert.ok(attributes.some(({ key }) => key === "service.version"));
}

function checkAttribute({ key, value }: Attribute): void {
  assert.ok(typeof key === "string" && key !== "");
  const entries = Object.entries(value);
  assert.equal(entries.length, 1, key);
  const [[type, content]] = entries;
  switch (type) {
    case "stringValue":
      return assert.equal(typeof content, "string", key);
    case "boolValue":
      return assert.equal(typeof content, "boolean", key);
    case "intValue":
      return assert.match(String(content), /^-?\d+$/, key);
    case "doubleValue":
      return assert.equal(typeof content, "number", key);
    default:
      assert.fail(`${key} is a ${type}`);
  }
}

function checkSpan(span: Span): void {
  assert.match(span.traceId, /^[0-9a-f]{32}$/);
  assert.match(span.spanId, /^[0-9a-f]{16}$/);
  if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^[0-9a-f]{16}$/);
  assert.ok(Number.isInteger(span.kind) && span.kind >= 1 && span.kind <= 5);
  assert.ok([0, 1, 2].includes(span.status.code));
  checkTime(span.startTimeUnixNano);
  checkTime(span.endTimeUnixNano);
  assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
  span.attributes.forEach(checkAttribute);
}

function checkTime(time: unknown): void {
  assert.equal(typeof time, "string");
  assert.match(String(time), /^[1-9]\d{17,18}$/);
}

function checkMetric(metric: Metric): void {
  assert.match(metric.name, /^[a-z][a-z0-9_]*$/);
  const { sum, gauge, histogram } = metric;
  assert.equal([sum, gauge, histogram].filter((kind) => kind !== undefined).length, 1);
  const points = (sum ?? gauge ?? histogram)?.dataPoints ?? [];
  assert.ok(points.length > 0, metric.name);
  for (const point of points) {
    point.attributes.forEach(checkAttribute);
    checkTime(point.timeUnixNano);
    if (gauge === undefined) checkTime(point.startTimeUnixNano);
    if (histogram === undefined) assert.ok(Number.isFinite(point.asDouble));
    else {
      assert.match(String(point.count), /^\d+$/);
      assert.ok(Number.isFinite(point.sum));
      const { bucketCounts = [], explicitBounds = [] } = point;
      assert.equal(bucketCounts.length, explicitBounds.length + 1);
      assert.ok(bucketCounts.every((count) => /^\d+$/.test(count)));
      const total = bucketCounts.reduce((sum, count) => sum + Number(count), 0);
      assert.equal(total, Number(point.count));
    }
  }
  if (gauge === undefined) assert.equal((sum ?? histogram)?.aggregationTemporality, 2);
  if (sum !== undefined) assert.equal(sum.isMonotonic, true);
}
