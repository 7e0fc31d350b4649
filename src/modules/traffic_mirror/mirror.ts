/**
 * Copies of requests for another service: sent and forgotten, never in the way of the answer (spec 02
 * section 9.9).
 *
 * @module
 */
import { Fields } from "../../http/fields.ts";
import { policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Counter, Metrics } from "../../gateway/reports/metrics.ts";
import type { RouteScope, Step } from "../../gateway/module.ts";
import {
  type Endpoint,
  endpointOf,
  ForwardedFields,
  type Question,
  type Service,
} from "../proxy/edge.ts";
import type { Count } from "../../zones/count.ts";
import type { Sampling } from "./sampling.ts";
import type { MirrorConfig } from "./schema.ts";

/** Marks copies, so that a mirror behind a gateway does not mirror again. */
export const MARK = "x-fluxheim-mirror";

/** What the step works with beside its table. */
export interface MirrorContext {
  readonly service: Service;
  /** Fields that are not copied although they are listed: upstreams do not see them either. */
  readonly withheld: readonly string[];
  readonly sampling: Sampling;
  readonly inFlight: Count;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Copies the requests of one scope. */
export class Mirror {
  readonly #endpoint: Endpoint;
  /** What comes in front of a request's own path; without a slash at its end. */
  readonly #base: string;
  readonly #forwarded: ForwardedFields;
  readonly #methods: ReadonlySet<string>;
  readonly #succeeded: Counter;
  readonly #failed: Counter;
  readonly #skipped: Counter;

  constructor(
    readonly config: MirrorConfig & { readonly base_url: string },
    scope: RouteScope,
    readonly context: MirrorContext,
  ) {
    this.#endpoint = endpointOf(config.base_url);
    this.#base = this.#endpoint.path.replace(/\/$/, "");
    this.#forwarded = new ForwardedFields(config.forward_headers, [...context.withheld, MARK]);
    this.#methods = new Set(config.methods);
    this.#succeeded = policyCounter(context.metrics, scope, "mirror", "success");
    this.#failed = policyCounter(context.metrics, scope, "mirror", "error");
    this.#skipped = policyCounter(context.metrics, scope, "mirror", "skipped");
  }

  /** The `mirror` step. Unsafe paths never come this far: the gateway refuses them first. */
  readonly mirror: Step = (exchange) => {
    const { method, target, host } = exchange;
    const { sampling, inFlight } = this.context;
    if (!this.#methods.has(method) || exchange.request.has(MARK)) return;
    if (!sampling.has(this.config.sample_per_mille, method, target, host)) return;
    if (!inFlight.tryTake(this.config.max_in_flight)) {
      this.#skipped.count();
      return;
    }
    // All that the copy needs is taken from the exchange now: each goes its own way.
    void this.#send(this.#copy(exchange));
  };

  /** Sends a copy and reads its answer. Never rejects. */
  async #send(copy: Question): Promise<void> {
    const { service, inFlight, log } = this.context;
    try {
      await service.ask(copy);
      this.#succeeded.count();
    } catch (error) {
      this.#failed.count();
      if (log.enabled("debug")) {
        const reason = error instanceof Error ? error.message : String(error);
        log.log("debug", "fluxheim::proxy", `mirror ${this.#endpoint.authority}: ${reason}`);
      }
    } finally {
      inFlight.giveBack();
    }
  }

  #copy(exchange: Exchange): Question {
    const fields = new Fields();
    this.#forwarded.write(exchange, fields);
    fields.set("cache-control", "no-store");
    fields.set(MARK, "1");
    return {
      method: exchange.method,
      target: this.#base + exchange.target,
      authority: this.#forwarded.authority(exchange, this.#endpoint.authority),
      fields,
    };
  }
}
