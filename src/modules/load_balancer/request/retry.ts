/**
 * Which attempts are followed by another one at another member (spec 03 section 13). A request that may have had
 * an effect is never sent twice, unless its method says that this does no harm.
 *
 * @module
 */
import { ClientError } from "../../../http/client.ts";
import type { SharedPool } from "../memory/pool_memory.ts";
import type { LoadBalanceConfig } from "../schema.ts";
import { type StatusSet, statusSet } from "../care/status_set.ts";

/** The rules of one pool. */
export class RetryRules {
  readonly #methods: ReadonlySet<string>;
  readonly #statuses: StatusSet | undefined;
  readonly #budget: number;
  readonly #windowTicks: number;

  /** @param maxRetries Most of them for one request. */
  constructor(
    config: LoadBalanceConfig["retry"],
    readonly shared: SharedPool,
    readonly maxRetries: number,
  ) {
    this.#methods = new Set<string>(config.methods);
    this.#statuses = config.statuses.length + config.status_ranges.length === 0
      ? undefined
      : statusSet(config.statuses, config.status_ranges);
    this.#budget = config.budget_per_window;
    this.#windowTicks = config.budget_window_secs * 100;
  }

  /** Whether a request with `method` may arrive at two members. */
  repeats(method: string): boolean {
    return this.#methods.has(method);
  }

  /** Whether an answer with `status` is a reason to ask another member. */
  covers(method: string, status: number): boolean {
    return this.#statuses !== undefined && this.#methods.has(method) && this.#statuses.has(status);
  }

  /**
   * Whether a request that failed with `error` may go to another member: whatever its method, where no member
   * has looked at it; a method that may be repeated, where a member has said nothing to it.
   */
  allows(error: unknown, method: string): boolean {
    if (!(error instanceof ClientError)) return false;
    switch (error.stage) {
      case "connect":
      case "unsent":
      case "refused":
        return true;
      case "unanswered":
        return this.#methods.has(method);
      case "response":
        return false;
    }
  }

  /** Takes a unit of the budget; asked last, so that a retry that is not made costs nothing. */
  hasBudget(now: number): boolean {
    return this.#budget === 0 || this.shared.tryRetry(this.#budget, this.#windowTicks, now);
  }
}
