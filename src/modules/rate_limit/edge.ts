/** Rate limits at work (spec 02 section 11.2). @module */
import { ByScope, policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  Steps,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { type SharedTime, sharedTime } from "../../zones/shared_time.ts";
import { bucketTable } from "./bucket_table.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { Sleepers } from "./sleepers.ts";
import { compileKey, type LimitKey } from "./limit_key.ts";
import { bucketsOf, CLOCK_ZONE, type EnabledLimit, limitOf, placesIn } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "rate-limit",
  facts: placesIn,
  open: () => ({ start: (context) => new RateLimits(context) }),
};

class RateLimits implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #limiters = new ByScope<RateLimiter>();
  readonly #sleepers = new Sleepers();
  /** When requests that owe a token may go on; only requests that have to wait are in it. */
  readonly #wakeAt = new WeakMap<Exchange, number>();
  #time: SharedTime | undefined;
  #stopTicking: (() => void) | undefined;

  constructor(context: SnapshotContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const limit = limitOf(scope);
    if (limit === undefined) return undefined;
    const limiter = this.#limiter(scope, limit);
    this.#limiters.set(scope, limiter);
    const rate = this.#rateStep(scope, limiter, limit.status, compileKey(limit.key));
    if (limit.mode === "nodelay") return { rate };
    return { rate, delay: this.#delayStep(scope, limit.status) };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    const limit = limitOf(scope);
    if (limit === undefined) return undefined;
    const text = compileKey(limit.key)?.(exchange);
    return this.#limiters.get(scope)?.explain(exchange.clientAddress, text, limit.key);
  }

  stop(): void {
    this.#stopTicking?.();
    this.#sleepers.wakeAll();
  }

  #limiter(scope: RouteScope, limit: EnabledLimit): RateLimiter {
    const { clock, zones } = this.#context;
    if (this.#time === undefined) {
      const time = this.#time = zones.open(sharedTime, CLOCK_ZONE);
      this.#stopTicking = clock.every(() => time.now());
    }
    const table = zones.open(bucketTable, bucketsOf(scope, limit));
    return new RateLimiter(table, this.#time, {
      requestsPerSecond: limit.requests_per_second,
      burst: limit.burst === 0 ? limit.requests_per_second : limit.burst,
      maxDelayMs: limit.mode === "delay" ? limit.max_delay_ms : 0,
      maxEntries: limit.table_max_entries,
      rejectIndeterminate: limit.reject_indeterminate,
    });
  }

  #rateStep(
    scope: RouteScope,
    limiter: RateLimiter,
    status: number,
    keyOf: LimitKey | undefined,
  ): Step {
    const { metrics } = this.#context;
    const rejects = policyCounter(metrics, scope, "rate_limit", "reject");
    const delays = policyCounter(metrics, scope, "rate_limit", "delay");
    const wakeAt = this.#wakeAt;
    return (exchange) => {
      const verdict = limiter.admit(exchange.clientAddress, keyOf?.(exchange));
      if (verdict === 0) return;
      if (verdict < 0) {
        rejects.count();
        refuse(exchange, refusal(status, -verdict));
        return;
      }
      delays.count();
      // Vhost and route may both ask for a wait: one sleep, for the longer one.
      const until = performance.now() + verdict;
      wakeAt.set(exchange, Math.max(until, wakeAt.get(exchange) ?? 0));
    };
  }

  #delayStep(scope: RouteScope, status: number): Step {
    const rejects = policyCounter(this.#context.metrics, scope, "rate_limit", "reject");
    return (exchange) => {
      const until = this.#wakeAt.get(exchange);
      if (until === undefined) return;
      this.#wakeAt.delete(exchange);
      if (this.#sleepers.full) {
        rejects.count();
        refuse(exchange, refusal(status, until - performance.now()));
        return;
      }
      return this.#sleepers.sleep(until, exchange);
    };
  }
}

/** `Retry-After` knows whole seconds only (RFC 9110 section 10.2.3). */
function refusal(status: number, retryMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(retryMs / 1000));
  return {
    status,
    text: "rate limited",
    cause: "rate_limit",
    fields: [["retry-after", String(seconds)]],
  };
}
