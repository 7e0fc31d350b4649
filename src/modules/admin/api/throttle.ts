/**
 * Lockouts for sources that guess tokens (spec 06 part A2): failures in a sliding window, for each address and
 * for all of them together; each lockout is twice as long as the last one.
 *
 * @module
 */

/** `[admin.auth_throttle]`. */
export interface ThrottleSettings {
  readonly enabled: boolean;
  readonly window_secs: number;
  readonly per_source_failures: number;
  readonly global_failures: number;
  readonly base_lockout_secs: number;
  readonly max_lockout_secs: number;
  readonly max_sources: number;
}

/** Whose lockout it is. */
export type Scope = "source" | "global";

/** Largest exponent of a lockout's length. */
const MAX_DOUBLINGS = 20;

/** Failures in one account. */
class Account {
  /** Times of failures within the window, oldest first. */
  #failures: number[] = [];
  /** Index of the first one that is still in it. */
  #first = 0;
  #lockouts = 0;
  lockedUntil = 0;
  seenAt = 0;

  /**
   * Counts one more.
   *
   * @returns Whether that starts a lockout.
   */
  fail(now: number, most: number, { window_secs, base_lockout_secs, max_lockout_secs }: Times) {
    const since = now - window_secs * 1000;
    while (this.#first < this.#failures.length && this.#failures[this.#first] <= since) {
      this.#first++;
    }
    // Most of it has left the window.
    if (this.#first * 2 > this.#failures.length) {
      this.#failures = this.#failures.slice(this.#first);
      this.#first = 0;
    }
    this.#failures.push(now);
    if (this.#failures.length - this.#first < most) return false;
    this.#failures = [];
    this.#first = 0;
    const doublings = Math.min(this.#lockouts++, MAX_DOUBLINGS);
    const secs = Math.min(max_lockout_secs, base_lockout_secs * 2 ** doublings);
    this.lockedUntil = now + secs * 1000;
    return true;
  }
}

type Times = Pick<ThrottleSettings, "window_secs" | "base_lockout_secs" | "max_lockout_secs">;

/** The accounts of one listener. */
export class Throttle {
  readonly #settings: ThrottleSettings;
  readonly #now: () => number;
  readonly #all = new Account();
  /** By address, least recently seen first. */
  readonly #sources = new Map<string, Account>();

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(settings: ThrottleSettings, now: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#now = now;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#sources.size;
  }

  /**
   * The lockout that a request of `source` runs into.
   *
   * @param source Its address; `""` where that is not known.
   */
  lockout(source: string): { readonly scope: Scope; readonly secs: number } | undefined {
    const now = this.#now();
    if (this.#all.lockedUntil > now) return locked("global", this.#all, now);
    const own = this.#sources.get(source);
    if (own === undefined) return undefined;
    this.#touch(source, own, now);
    return own.lockedUntil > now ? locked("source", own, now) : undefined;
  }

  /**
   * A request of `source` failed to authenticate.
   *
   * @returns Whose lockout that starts, if any.
   */
  fail(source: string): Scope | undefined {
    const settings = this.#settings;
    if (!settings.enabled) return undefined;
    const now = this.#now();
    const own = source === "" ? undefined : this.#account(source, now);
    const ownLocked = own?.fail(now, settings.per_source_failures, settings) === true;
    if (this.#all.fail(now, settings.global_failures, settings)) return "global";
    return ownLocked ? "source" : undefined;
  }

  /** A request of `source` was authenticated. */
  succeed(source: string): void {
    this.#sources.delete(source);
  }

  #account(source: string, now: number): Account {
    let account = this.#sources.get(source);
    if (account === undefined) {
      this.#makeRoom(now);
      account = new Account();
    }
    this.#touch(source, account, now);
    return account;
  }

  #touch(source: string, account: Account, now: number): void {
    account.seenAt = now;
    this.#sources.delete(source);
    this.#sources.set(source, account);
  }

  #makeRoom(now: number): void {
    const { window_secs, max_lockout_secs, max_sources } = this.#settings;
    const idleSince = now - (window_secs + max_lockout_secs) * 1000;
    for (const [source, { seenAt, lockedUntil }] of this.#sources) {
      if (seenAt > idleSince) break;
      if (lockedUntil <= now) this.#sources.delete(source);
    }
    if (this.#sources.size < max_sources) return;
    let victim: string | undefined;
    for (const [source, { lockedUntil }] of this.#sources) {
      victim ??= source;
      if (lockedUntil > now) continue;
      victim = source;
      break;
    }
    if (victim !== undefined) this.#sources.delete(victim);
  }
}

function locked(scope: Scope, { lockedUntil }: Account, now: number) {
  return { scope, secs: Math.ceil((lockedUntil - now) / 1000) };
}
