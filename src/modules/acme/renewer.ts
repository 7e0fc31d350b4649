/**
 * One certificate from what is due to what is installed (spec 05 section 6.9): under a lock that other processes with
 * the same storage see, with its state on the disk before the issuer hears of it.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import { AcmeError } from "./client/acme_error.ts";
import { keyIn, keyText, newKey } from "./client/certificate_key.ts";
import { IssuerClient } from "./client/issuer_client.ts";
import { type Challenge, OrderPending, runOrder } from "./client/order.ts";
import { certificateId, momentIn, suggestedWindow } from "./client/renewal_info.ts";
import { retryDelaySecs } from "./due_time.ts";
import { fitPair, UnfitCertificate } from "./issued_pair.ts";
import type { Issuer } from "./issuers.ts";
import { madeAccount } from "./made_account.ts";
import { Records } from "./dns/records.ts";
import { recordOf } from "./dns/txt_record.ts";
import { type Account, AccountStore } from "./store/account_store.ts";
import { accountLock, targetLock, withLock } from "./store/lock.ts";
import { installPair, recoverPair, type StoredPair } from "./store/pair_store.ts";
import { leafOf, readValidity, statusOf, type TargetStatus } from "./target_status.ts";
import { type RenewalInfo, StateStore, type TargetState } from "./store/state_store.ts";
import type { EnabledAcme, Target } from "./table.ts";

/** Pause before an order that its issuer still works on is looked at again. */
const PENDING_SECS = 30;
/** Longest that one answer "too many" keeps back every order of its account. */
const MAX_ACCOUNT_WAIT_MS = 3_600_000;
/** Pause where an issuer says "too many" and not until when. */
const DEFAULT_LIMIT_SECS = 3_600;

/** Time for an issuer to say when it wants a renewal. */
const INFO_MS = 10_000;
/** Pause before an issuer that has not said so, or could not be asked, is asked again. */
const NO_INFO_SECS = 6 * 3600;

/** Longest pause between two such questions. */
const DAY_SECS = 86_400;

/** Most addresses of challenges in the text of a failure. */
const MAX_SHOWN_URLS = 4;

/** How an attempt ended. */
export type Outcome = Ending & {
  /** What an operator should look at, however it ended: damaged files, records that could not be removed. */
  readonly warning?: string;
};

type Ending =
  | { readonly kind: "renewed"; readonly challenges: number }
  | { readonly kind: "failed"; readonly error: string }
  /** Its issuer still works on it. */
  | { readonly kind: "pending"; readonly reason: string }
  /** Another process is at it, has done it, or it may not be tried yet. */
  | { readonly kind: "skipped"; readonly reason: string };

/** What a renewer works with. */
export interface RenewerContext {
  readonly acme: EnabledAcme;
  /** Makes a challenge answerable, before the issuer looks. */
  publish(target: Target, challenge: Challenge): Promise<void>;
  /** The opposite; called on every way out. */
  withdraw(target: Target, challenge: Challenge): Promise<void>;
  /** Authorities of an issuer, PEM. */
  ca(issuer: Issuer): string | undefined;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What was made public for an order. */
interface Proofs {
  readonly published: Challenge[];
  readonly records: Records;
}

/** Orders and installs certificates. */
export class Renewer {
  readonly #context: RenewerContext;

  constructor(context: RenewerContext) {
    this.#context = context;
  }

  /** Brings the pair of a target in order after an install that was cut short. */
  recover(target: Target): Promise<StoredPair | undefined> {
    return withLock(
      targetLock(this.#context.acme.storage, target.vhost),
      () => Promise.resolve(recoverPair(target.directory)),
    )
      .then((found) => found === "busy" ? undefined : found.value);
  }

  /** Looks at a target; changes nothing. */
  status(target: Target): TargetStatus {
    const state = this.#stateOf(target).load();
    const { acme, now } = this.#context;
    return statusOf(target, state, acme, now() / 1000);
  }

  /**
   * Asks the issuer when it wants the certificate to be renewed, unless it has said so a while ago. That may bring a
   * renewal forward and never puts one off.
   *
   * @returns Whether it has said so.
   */
  async askInfo(target: Target): Promise<boolean> {
    const { ca, signal, now } = this.#context;
    const leaf = leafOf(target);
    const id = leaf === undefined ? undefined : certificateId(leaf);
    if (id === undefined) return false;
    const store = this.#stateOf(target);
    const { info, lastIssued } = store.load();
    const nowSecs = now() / 1000;
    // A time that is further away was written by a clock that was ahead.
    const isAnswered = info?.id === id && info.askAt > nowSecs && info.askAt <= nowSecs + DAY_SECS;
    if (isAnswered) return false;
    const limit = AbortSignal.timeout(INFO_MS);
    using client = new IssuerClient({
      directoryUrl: target.issuer.directoryUrl,
      ca: ca(target.issuer),
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    let next: RenewalInfo = { id, renewAt: 0, askAt: nowSecs + NO_INFO_SECS, explanation: "" };
    try {
      const window = await suggestedWindow(client, id, nowSecs);
      if (window !== undefined) {
        const { askAt, explanation } = window;
        // One that was open when the certificate was issued is that of the one before it.
        const isStale = lastIssued > 0 && window.start <= lastIssued;
        const drawn = info?.id === id && info.renewAt >= window.start && info.renewAt <= window.end
          ? info.renewAt
          : momentIn(window, nowSecs);
        next = { id, renewAt: isStale ? 0 : drawn, askAt, explanation };
      }
    } catch {
      next = { ...next, renewAt: info?.id === id ? info.renewAt : 0 };
    }
    await withLock(targetLock(this.#context.acme.storage, target.vhost), () => {
      store.save({ ...store.load(), info: next });
      return Promise.resolve();
    });
    return next.renewAt > 0;
  }

  /** Orders and installs, unless it is not due; `isForced` does so in any case. Never rejects. */
  async renew(target: Target, isForced = false): Promise<Outcome> {
    try {
      const locked = await withLock(
        targetLock(this.#context.acme.storage, target.vhost),
        () => this.#renewLocked(target, isForced),
      );
      return locked === "busy"
        ? { kind: "skipped", reason: "another process is at it" }
        : locked.value;
    } catch (error) {
      return { kind: "failed", error: textOf(error) };
    }
  }

  async #renewLocked(target: Target, isForced: boolean): Promise<Outcome> {
    recoverPair(target.directory);
    const store = this.#stateOf(target);
    const aside = store.quarantine();
    const warnings = aside === undefined
      ? []
      : [`its state was damaged and is now ${aside}: an order that was under way is begun anew`];
    const ending = await this.#attempt(target, isForced, store, warnings);
    return warnings.length === 0 ? ending : { ...ending, warning: warnings.join("; ") };
  }

  async #attempt(
    target: Target,
    isForced: boolean,
    store: StateStore,
    warnings: string[],
  ): Promise<Ending> {
    const { acme, now } = this.#context;
    const before = this.status(target);
    const nowSecs = now() / 1000;
    if (!isForced && before.nextAttempt > nowSecs) {
      return { kind: "skipped", reason: reasonToWait(before, nowSecs) };
    }
    const accounts = new AccountStore(acme.storage, target.issuer.name, target.issuer.directoryUrl);
    const { waitUntil } = accounts;
    // One further away was written by a clock that was ahead.
    if (waitUntil > now() && waitUntil <= now() + MAX_ACCOUNT_WAIT_MS) {
      const until = new Date(waitUntil).toISOString();
      return { kind: "skipped", reason: `its issuer wants no order before ${until}` };
    }
    const { failures, order } = before.state;
    const delay = this.#retrySecs(target, failures + 1);
    let state: TargetState = {
      ...before.state,
      failures: failures + 1,
      lastAttempt: nowSecs,
      nextAttempt: nowSecs + delay,
      lastError: "the attempt has not come to its end",
    };
    // Before the issuer hears of it: a process that dies now does not begin again at once.
    store.save(state);
    const published: Challenge[] = [];
    const records = new Records(acme, target.vhost);
    try {
      const left = await records.removeLeft();
      if (left !== undefined) warnings.push(left);
      const key = order === undefined ? newKey(acme.key_type) : keyIn(order.key);
      const remember = (url: string | undefined) => {
        const { order: _, ...rest } = state;
        state = url === undefined ? rest : { ...rest, order: { url, key: keyText(key) } };
        store.save(state);
      };
      const replaces = before.state.info?.id;
      const begun = { order: order?.url, replaces };
      const chain = await this.#order(target, accounts, key, begun, remember, {
        published,
        records,
      });
      const pair = await fitPair(chain, { domains: target.domains, key, now: now() });
      installPair(target.directory, pair);
      store.save({
        failures: 0,
        lastAttempt: nowSecs,
        nextAttempt: 0,
        lastError: "",
        lastIssued: now() / 1000,
      });
      return { kind: "renewed", challenges: published.length };
    } catch (error) {
      // It would bring the same certificate again.
      if (error instanceof UnfitCertificate && !error.isEarly) {
        state = { ...state, order: undefined };
      }
      return this.#note(error, target, state, store, accounts, published);
    } finally {
      const left = await records.remove();
      if (left !== undefined) warnings.push(left);
      for (const challenge of published) await this.#context.withdraw(target, challenge);
    }
  }

  /** Keeps what is to be known of a failure. */
  #note(
    error: unknown,
    target: Target,
    state: TargetState,
    store: StateStore,
    accounts: AccountStore,
    published: readonly Challenge[],
  ): Ending {
    const now = this.#context.now();
    if (this.#context.signal?.aborted === true) {
      // Nothing has failed: the next process goes on with the order.
      const failures = state.failures - 1;
      store.save({
        ...state,
        failures,
        nextAttempt: 0,
        lastError: failures === 0 ? "" : "stopped",
      });
      return { kind: "pending", reason: "the gateway is stopping" };
    }
    const urls = published.map(({ domain, token }) =>
      `http://${domain}/.well-known/acme-challenge/${token}`
    );
    // An operator can see whether they can be reached.
    const text = textOf(error) +
      (urls.length === 0 ? "" : ` published_http_01=${urls.slice(0, MAX_SHOWN_URLS).join(",")}`);
    const retryAt = error instanceof AcmeError ? error.retryAt : 0;
    if (error instanceof OrderPending) {
      const nextAttempt = Math.max(now / 1000 + PENDING_SECS, retryAt / 1000);
      store.save({ ...state, failures: state.failures - 1, nextAttempt, lastError: text });
      return { kind: "pending", reason: text };
    }
    if (error instanceof AcmeError && error.type === "accountDoesNotExist") accounts.forget();
    const delay = this.#retrySecs(target, state.failures);
    let nextAttempt = Math.max(now / 1000 + delay, retryAt / 1000);
    if (error instanceof AcmeError && error.isRateLimit) {
      const until = retryAt > 0 ? retryAt : now + DEFAULT_LIMIT_SECS * 1000;
      nextAttempt = Math.max(nextAttempt, until / 1000);
      accounts.waitUntil = Math.min(until, now + MAX_ACCOUNT_WAIT_MS);
    }
    store.save({ ...state, nextAttempt, lastError: text });
    return { kind: "failed", error: text };
  }

  async #order(
    target: Target,
    accounts: AccountStore,
    key: KeyObject,
    begun: { readonly order: string | undefined; readonly replaces: string | undefined },
    onOrder: (url: string | undefined) => void,
    { published, records }: Proofs,
  ): Promise<string> {
    const { ca, signal, now, sleep, publish } = this.#context;
    const { issuer, domains, challenge: challengeType } = target;
    using client = new IssuerClient({ directoryUrl: issuer.directoryUrl, ca: ca(issuer), signal });
    const account = await this.#account(client, issuer, accounts);
    return await runOrder({
      client,
      account,
      domains,
      key,
      challengeType,
      begun: begun.order,
      replaces: begun.replaces,
      onOrder,
      async publish(challenge) {
        if (challengeType === "dns-01") {
          return await records.add(recordOf(challenge.domain, challenge.keyAuthorization));
        }
        published.push(challenge);
        await publish(target, challenge);
      },
      settle: () => records.settle(sleep),
      now,
      sleep,
    });
  }

  /** The account, which the first of all processes makes. */
  async #account(client: IssuerClient, issuer: Issuer, accounts: AccountStore): Promise<Account> {
    const known = accounts.load();
    if (known !== undefined) return known;
    for (;;) {
      const made = await withLock(
        accountLock(this.#context.acme.storage, issuer.name),
        () => madeAccount(client, issuer, accounts, this.#context.acme.contact_email),
      );
      if (made !== "busy") return made.value;
      const other = accounts.load();
      if (other !== undefined) return other;
      this.#context.signal?.throwIfAborted();
      await this.#context.sleep(200);
    }
  }

  #retrySecs(target: Target, failures: number): number {
    const { retry_initial_secs: initialSecs, retry_max_secs } = this.#context.acme.renewal;
    const validity = readValidity(target);
    // At least a few attempts have to be left before the end of a short life.
    const life = validity === undefined ? Infinity : validity.notAfter - validity.notBefore;
    const maxSecs = Math.max(1, Math.min(retry_max_secs, life / 16));
    const times = { initialSecs: Math.min(initialSecs, maxSecs), maxSecs };
    // Not all of those that failed together come again together.
    return retryDelaySecs(failures, times) * (0.9 + 0.1 * Math.random());
  }

  #stateOf({ vhost, domains, issuer }: Target): StateStore {
    return new StateStore(this.#context.acme.storage, vhost, domains, issuer.directoryUrl);
  }
}

function reasonToWait({ dueAt, state }: TargetStatus, nowSecs: number): string {
  return dueAt > nowSecs || state.failures === 0
    ? "it is not due"
    : `after ${state.failures} failures it is not tried yet: ${state.lastError}`;
}

function textOf(error: unknown): string {
  if (error instanceof AcmeError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
