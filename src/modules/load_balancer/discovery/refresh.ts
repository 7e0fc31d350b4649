/**
 * Discovery of one pool at work: asks its source, makes what it found the members, and keeps the members that
 * there are when it found nothing certain. No answer ends it.
 *
 * @module
 */
import type { Logger } from "../../../gateway/reports/log.ts";
import type { SharedPool } from "../memory/pool_memory.ts";
import { DiscoveryError, type Source } from "./source.ts";

/** Longest that one answer is waited for, whatever its source promises. */
const MAX_ROUND_MS = 30_000;
const MAX_ERROR = 256;

/** What a status says of discovery. */
export interface DiscoveryStatus {
  successCount: number;
  failureCount: number;
  /** Seconds since 1970. */
  lastSuccess: number | undefined;
  lastFailure: number | undefined;
  lastError: string | undefined;
}

/** A status before the first look. */
export function newStatus(): DiscoveryStatus {
  return {
    successCount: 0,
    failureCount: 0,
    lastSuccess: undefined,
    lastFailure: undefined,
    lastError: undefined,
  };
}

/** What discovery works with. */
export interface RefreshOptions {
  readonly source: Source;
  readonly shared: SharedPool;
  readonly intervalMs: number;
  /** As the log names the pool. */
  readonly name: string;
  readonly log: Logger;
  readonly status: DiscoveryStatus;
  /** Whether a member may be dialled; others are dropped with a warning. */
  mayDial(address: string): boolean;
  /** The members were looked for, successfully or not. */
  onRound?(isSuccess: boolean): void;
}

/** Discovery of one pool. */
export class Refresh {
  readonly #options: RefreshOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #lastDropped = "";

  constructor(options: RefreshOptions) {
    this.#options = options;
  }

  /** Looks for the first time, and then again and again. */
  async start(): Promise<void> {
    const startedAt = performance.now();
    const againMs = await this.round();
    if (this.#isStopped) return;
    const pause = Math.max(0, startedAt + againMs - performance.now());
    this.#timer = setTimeout(() => void this.start(), pause);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks once; never rejects. Returns the time to the next look. */
  async round(): Promise<number> {
    const { source, shared, intervalMs, status, onRound } = this.#options;
    try {
      const { addresses, againMs = Infinity } = await inTime(source.members());
      if (this.#isStopped) return intervalMs;
      if (!shared.setMembers(this.#allowed(addresses))) {
        throw new DiscoveryError("the members cannot be taken over now");
      }
      status.successCount++;
      status.lastSuccess = Math.floor(Date.now() / 1000);
      status.lastError = undefined;
      onRound?.(true);
      return Math.min(intervalMs, againMs);
    } catch (error) {
      this.#fail(error);
      onRound?.(false);
      return intervalMs;
    }
  }

  #allowed(addresses: readonly string[]): string[] {
    const { mayDial, name, log } = this.#options;
    const dropped = addresses.filter((address) => !mayDial(address));
    const text = dropped.join(", ");
    if (text !== "" && text !== this.#lastDropped) {
      const what =
        `${name}: ${dropped.length} members are outside of member_ranges, and dropped: ${text}`;
      log.log("warn", "fluxheim::load_balancer", what.slice(0, 2 * MAX_ERROR));
    }
    this.#lastDropped = text;
    const allowed = addresses.filter((address) => mayDial(address));
    if (allowed.length === 0) throw new DiscoveryError("all members are outside of member_ranges");
    return allowed;
  }

  #fail(error: unknown): void {
    const { status, name, log } = this.#options;
    const text = Array.from(error instanceof Error ? error.message : String(error))
      .slice(0, MAX_ERROR).join("");
    status.failureCount++;
    status.lastFailure = Math.floor(Date.now() / 1000);
    status.lastError = text;
    log.log("warn", "fluxheim::load_balancer", `${name}: discovery failed: ${text}`);
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DiscoveryError("it took too long")), MAX_ROUND_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
