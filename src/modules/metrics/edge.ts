/**
 * Counts every finished request. Series are made when the first request of their kind is over, and then kept:
 * counting is a look at the exchange and an increment.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { hasFailed, statusClassOf } from "../../gateway/exchange/outcome.ts";
import type { Counter, Histogram } from "../../gateway/reports/metrics.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
} from "../../gateway/module.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import {
  BODY_BYTES,
  CLASSES,
  METHODS,
  REJECTED,
  REQUEST_DURATION,
  REQUESTS,
  STATUS_CLASSES,
  UPSTREAM_DURATION,
} from "./descriptions.ts";
import { hasDashboard, metricsOf } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "metrics",
  open: () => ({
    start(context) {
      const { config } = context;
      const metrics = metricsOf(config);
      if (metrics === undefined && !hasDashboard(config)) return IDLE;
      return new RequestMetrics(context, metrics?.route_histograms === true);
    },
  }),
};

/** Requests of a host that no vhost serves. */
const UNKNOWN_VHOST = "unknown";

class RequestMetrics implements RunningModule {
  readonly usesTime = true;
  readonly #context: SnapshotContext;
  readonly #byRoute: boolean;
  readonly #vhosts = new Map<string, VhostSeries>();
  readonly #scopes = new Map<RouteScope, ScopeSeries>();
  readonly #unknown: ScopeSeries;

  constructor(context: SnapshotContext, byRoute: boolean) {
    this.#context = context;
    this.#byRoute = byRoute;
    this.#unknown = new ScopeSeries(context, this.#vhost(UNKNOWN_VHOST), "");
  }

  plan(scope: RouteScope): undefined {
    const route = this.#byRoute ? scope.route?.name ?? "" : "";
    const vhost = this.#vhost(scope.vhost.name);
    this.#scopes.set(scope, new ScopeSeries(this.#context, vhost, route));
  }

  readonly finished = (exchange: Exchange): void => {
    const { scope, refusal } = exchange;
    const found = scope === undefined ? undefined : this.#scopes.get(scope);
    const series = found ?? this.#unknown;
    const { vhost } = series;
    vhost.requests(exchange).count();
    if (exchange.requestBodyBytes > 0) vhost.received.add(exchange.requestBodyBytes);
    if (exchange.responseBodyBytes > 0) vhost.sent.add(exchange.responseBodyBytes);
    if (refusal !== undefined) vhost.rejected(refusal.cause).count();
    if (exchange.startedAt !== 0) series.duration.observe(microsecondsSince(exchange));
    const { upstreamUs } = exchange.findings;
    if (upstreamUs >= 0) series.upstream.observe(upstreamUs);
  };

  stop(): void {}

  #vhost(name: string): VhostSeries {
    let vhost = this.#vhosts.get(name);
    if (vhost === undefined) {
      vhost = new VhostSeries(this.#context, name);
      this.#vhosts.set(name, vhost);
    }
    return vhost;
  }
}

/** Outcomes of one method: each status class, and each as a failure of the proxy. */
const OUTCOMES = 2 * STATUS_CLASSES.length;

/** The counters of one vhost. */
class VhostSeries {
  readonly received: Counter;
  readonly sent: Counter;
  readonly #context: SnapshotContext;
  /** By method and outcome; made when first needed, of a closed set. */
  readonly #requests: (Counter | undefined)[] = new Array(METHODS.length * OUTCOMES);
  /** By cause; bounded by the causes that the code has. */
  readonly #rejected = new Map<string, Counter>();

  constructor(context: SnapshotContext, readonly name: string) {
    this.#context = context;
    const bytes = (direction: string) =>
      context.metrics.counter(BODY_BYTES.name, { vhost: name, direction });
    this.received = bytes("request");
    this.sent = bytes("response");
  }

  requests(exchange: Exchange): Counter {
    const method = methodIndex(exchange.method);
    const status = statusClassOf(exchange.status);
    const failed = hasFailed(exchange) ? 1 : 0;
    const at = method * OUTCOMES + 2 * status + failed;
    return this.#requests[at] ??= this.#context.metrics.counter(REQUESTS.name, {
      vhost: this.name,
      method: METHODS[method],
      class: failed === 1 ? "proxy_error" : CLASSES[status],
      status_class: STATUS_CLASSES[status],
    });
  }

  rejected(cause: string): Counter {
    let counter = this.#rejected.get(cause);
    if (counter === undefined) {
      counter = this.#context.metrics.counter(REJECTED.name, { vhost: this.name, cause });
      this.#rejected.set(cause, counter);
    }
    return counter;
  }
}

/** The histograms of one scope, made when first needed: many scopes have no upstream. */
class ScopeSeries {
  readonly vhost: VhostSeries;
  readonly #context: SnapshotContext;
  readonly #labels: { readonly vhost: string; readonly route: string };
  #duration: Histogram | undefined;
  #upstream: Histogram | undefined;

  constructor(context: SnapshotContext, vhost: VhostSeries, route: string) {
    this.vhost = vhost;
    this.#context = context;
    this.#labels = { vhost: vhost.name, route };
  }

  get duration(): Histogram {
    return this.#duration ??= this.#histogram(REQUEST_DURATION.name, REQUEST_DURATION.buckets);
  }

  get upstream(): Histogram {
    return this.#upstream ??= this.#histogram(UPSTREAM_DURATION.name, UPSTREAM_DURATION.buckets);
  }

  #histogram(name: string, buckets: readonly number[] = []): Histogram {
    return this.#context.metrics.histogram(name, this.#labels, buckets);
  }
}

/** Index among {@linkcode METHODS}. */
function methodIndex(method: string): number {
  switch (method) {
    case "GET":
      return 0;
    case "HEAD":
      return 1;
    case "POST":
      return 2;
    case "PUT":
      return 3;
    case "PATCH":
      return 4;
    case "DELETE":
      return 5;
    case "OPTIONS":
      return 6;
    case "TRACE":
      return 7;
    case "CONNECT":
      return 8;
    default:
      return 9;
  }
}
