/**
 * What an operator may do to a running gateway: store, list, apply and roll back configurations, and watch
 * one after it was applied (spec 01 section 7, 06 part A3). All of it happens in the keeper, in one line with
 * reloads by signal.
 *
 * @module
 */
import { dumpToml } from "../../config/dump.ts";
import type { KeeperContext, ReloadOutcome } from "../../gateway/threads/keeper_part.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { failure, type Outcome } from "./calls.ts";
import { AUTOMATIC, Changes, CONFIRMED } from "./changes.ts";
import { decide } from "./healing.ts";
import { shownCounters } from "./live.ts";
import { changedKeys } from "./preview.ts";
import {
  complianceMode,
  errorRate,
  impactOf,
  ok,
  reasonsOf,
  refusalOf,
  shownPending,
  shownProcess,
  type Source,
} from "./api/shown.ts";
import type { Startup } from "./startup.ts";
import { StoreError } from "./store/files.ts";
import { messageOf } from "./store/ids.ts";
import type { Pending } from "./store/validation.ts";
import type { EnabledAdmin } from "./table.ts";
import { Turns } from "./api/turns.ts";

/** The operations of one process. */
export class Operations {
  readonly #context: KeeperContext;
  readonly #admin: EnabledAdmin;
  readonly #changes: Changes;
  readonly #turns: Turns;
  #nextLook = 0;

  constructor(context: KeeperContext, admin: EnabledAdmin, startup: Startup) {
    this.#context = context;
    this.#admin = admin;
    this.#turns = new Turns(context);
    this.#changes = new Changes(context, admin, startup);
    if (startup.chosen !== undefined) this.#beginWith(startup.chosen);
  }

  // --- what is asked for ------------------------------------------------------------------------

  /** `GET status`; never waits for a reload. */
  status(): Promise<Outcome> {
    return this.#answered(() => {
      const { known_good, pending } = this.#changes.validation;
      const { process, running } = this.#context;
      const store = this.#storeFacts;
      const { tls } = running.config as { readonly tls?: Compliance };
      const fips = tls?.fips?.required === true;
      const iso = tls?.iso19790?.required === true;
      return {
        snapshot_current: store.current ?? null,
        snapshots: store.count,
        self_healing_enabled: this.#admin.self_healing.enabled,
        tls_compliance_mode: complianceMode(fips, iso),
        tls_fips_required: fips,
        tls_iso19790_required: iso,
        runtime_snapshot: this.#changes.runtime ?? null,
        known_good_snapshot: known_good ?? null,
        pending_validation: pending === undefined ? null : shownPending(pending),
        last_reload: { ...this.#changes.last },
        process: shownProcess(process),
        ...(store.problem === undefined ? {} : { store_problem: store.problem }),
      };
    });
  }

  /**
   * `GET live`, ours: the series of the process, for tables that refresh themselves.
   *
   * @param metrics Names of those that are asked for; none for all.
   */
  live(metrics: ReadonlySet<string>): Promise<Outcome> {
    return this.#answered(() => {
      const series = this.#context.series()
        .filter(({ name }) => metrics.size === 0 || metrics.has(name));
      return { process: shownProcess(this.#context.process), ...shownCounters(series) };
    });
  }

  /** `GET snapshots`. */
  snapshots(): Promise<Outcome> {
    return this.#answered(() => ({
      snapshots: this.#changes.store.list().map((
        { id, current, created_unix_secs, message, problem },
      ) => ({
        id,
        current,
        created_unix_secs,
        message: message ?? null,
        ...(problem === undefined ? {} : { problem }),
      })),
    }));
  }

  /** `GET changes`, ours: what `reload-config`, or a live rollback to a snapshot, would change. */
  changes(to: string | undefined): Promise<Outcome> {
    return this.#inTurn(async () => {
      const loaded = to === undefined
        ? await this.#context.readSource()
        : this.#changes.loadedOf(to);
      const judged = await this.#context.judge(loaded);
      const outcome = judged.kind === "live" ? { kind: "applied" as const } : judged.outcome;
      if (outcome.kind === "invalid") return refusalOf(to ?? "", outcome);
      const { keys, truncated } = changedKeys(this.#context.running.effective, loaded.effective);
      return ok({
        to: to ?? null,
        impact: impactOf(outcome),
        reasons: reasonsOf(outcome),
        keys: keys.map(({ key, change }) => ({ key, change })),
        truncated,
      });
    });
  }

  /** `POST snapshot`: stores what is served, and makes it the current one. */
  snapshot(text: string): Promise<Outcome> {
    const read = messageOf(text);
    if ("problem" in read) return Promise.resolve(failure(400, read.problem));
    return this.#inTurn(async () => {
      const id = this.#changes.store.newIds.next();
      await this.#changes.store.locked(() => {
        this.#changes.add(id, dumpToml(this.#context.running.effective ?? {}), read.message);
        try {
          this.#changes.store.point(id);
        } catch (error) {
          this.#changes.store.remove([id]);
          throw error;
        }
        this.#changes.runtime = id;
        this.#changes.afterwards(false);
      });
      return ok({ snapshot: id, config_path: this.#changes.store.configPath(id) }, 201);
    });
  }

  /** `POST rollback`: moves the pointer and, if `live`, serves what it then names. */
  rollback(to: string | undefined, live: boolean): Promise<Outcome> {
    return this.#inTurn(() =>
      this.#changes.store.locked(async () => {
        const id = to ?? this.#changes.store.previous();
        const loaded = this.#changes.loadedOf(id);
        const config_path = this.#changes.store.configPath(id);
        if (!live) {
          this.#changes.store.point(id);
          return ok({ rollback_target: id, config_path, live_apply: false });
        }
        const done = await this.#changes.apply({ source: "rollback", id, loaded, watched: false });
        if ("refusal" in done) return done.refusal;
        return ok({ rollback_target: id, config_path, impact: done.impact, live_apply: true });
      })
    );
  }

  /** `POST reload`: serves what the pointer names. */
  reload(): Promise<Outcome> {
    return this.#inTurn(() =>
      this.#changes.store.locked(async () => {
        const id = this.#changes.store.current();
        if (id === undefined) return failure(400, "snapshot store has no current pointer");
        const loaded = this.#changes.loadedOf(id);
        const done = await this.#changes.apply({ source: "reload", id, loaded, watched: true });
        if ("refusal" in done) return done.refusal;
        return ok({ snapshot: id, impact: done.impact, live_apply: true });
      })
    );
  }

  /** `POST reload-config`: reads the configuration's source again, stores a snapshot of it and serves it. */
  reloadConfig(): Promise<Outcome> {
    return this.#inTurn(() => this.#reloadSource("reload-config"));
  }

  /** The same when a signal asks for it; a store that cannot be used does not prevent it. */
  async reloadForSignal(): Promise<ReloadOutcome> {
    let settled: ReloadOutcome = { kind: "failed", reason: "the reload was not begun" };
    await this.#context.exclusively(async () => {
      try {
        this.#changes.refuseDamage();
        await this.#reloadSource("signal", (outcome) => settled = outcome);
      } catch (error) {
        this.#changes.logStore("warn", error);
        this.#context.log.log("warn", "fluxheim", "reload: no snapshot is stored of it");
        settled = await this.#changes.applyAlone();
      }
    });
    return settled;
  }

  /** `POST self-heal/...`: `confirm`, `fail`, or a report, `good` or `bad`. */
  heal(action: string): Promise<Outcome> {
    if (!["confirm", "fail", "good", "bad"].includes(action)) {
      return Promise.resolve(failure(400, "the report must say whether the check was good or bad"));
    }
    if (!this.#admin.self_healing.enabled) {
      return Promise.resolve(failure(400, "self-healing is not enabled"));
    }
    return this.#inTurn(async () => {
      const { pending } = this.#changes.validation;
      if (pending === undefined) return failure(400, "no snapshot is waiting for validation");
      switch (action) {
        case "confirm":
          return await this.#confirm(pending, (id) => ({
            known_good_snapshot: id,
            confirmed_snapshot: id,
          }));
        case "fail":
          return await this.#goBack(pending, "manual");
        default:
          return await this.#count(pending, action === "good");
      }
    });
  }

  /** Goes back if the window has ended: asked before every request that is let in. */
  async enforce(): Promise<Outcome> {
    if (performance.now() < this.#changes.deadline) return ok({});
    return await this.#expire();
  }

  /** The watchdog. */
  tick(): void {
    const now = performance.now();
    if (now < this.#changes.deadline || now < this.#nextLook) return;
    const { validation_window_secs } = this.#admin.self_healing;
    this.#nextLook = now + Math.min(Math.max(validation_window_secs, 1), 5) * 1000;
    void this.#expire();
  }

  /** A damaged store is reported, and does not keep the rest from being seen. */
  get #storeFacts(): { current?: string; count: number; problem?: string } {
    try {
      const problem = this.#changes.damage;
      const count = this.#changes.store.ids().length;
      return {
        count,
        current: this.#changes.store.current(),
        ...(problem === undefined ? {} : { problem }),
      };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { count: 0, problem: error.message };
    }
  }

  // --- how it is done ---------------------------------------------------------------------------

  #expire(): Promise<Outcome> {
    return this.#inTurn(async () => {
      const { pending } = this.#changes.validation;
      if (pending === undefined || performance.now() < this.#changes.deadline) return ok({});
      return await this.#goBack(pending, "expired");
    });
  }

  async #reloadSource(
    source: Source,
    settle: (outcome: ReloadOutcome) => void = () => {},
  ): Promise<Outcome> {
    const loaded = await this.#context.readSource();
    return await this.#changes.store.locked(async () => {
      const text = dumpToml(loaded.effective ?? {});
      const current = this.#changes.store.current();
      const known = current !== undefined && this.#changes.store.has(current) &&
          this.#changes.store.read(current) === text
        ? current
        : undefined;
      const spare = this.#changes.store.newIds.next();
      const id = known ?? this.#changes.store.newIds.next();
      const added = known === undefined ? { text, message: `${AUTOMATIC}${source}` } : undefined;
      const change = { source, id, loaded, added, spare, watched: true };
      const done = await this.#changes.apply(change, settle);
      if ("refusal" in done) return done.refusal;
      const snapshot = done.impact === "noop" ? this.#changes.runtime ?? null : id;
      return ok({ snapshot, impact: done.impact, live_apply: true });
    });
  }

  async #confirm(
    { target_snapshot }: Pending,
    body: (id: string) => Record<string, Plain>,
  ): Promise<Outcome> {
    await this.#changes.store.locked(() =>
      this.#changes.learn({ ...CONFIRMED, known_good: target_snapshot })
    );
    this.#changes.deadline = Infinity;
    this.#context.log.log("info", "fluxheim::audit", `snapshot ${target_snapshot} is confirmed`);
    return ok(body(target_snapshot));
  }

  async #count(pending: Pending, good: boolean): Promise<Outcome> {
    const counted: Pending = {
      ...pending,
      successful_checks: pending.successful_checks + (good ? 1 : 0),
      failed_checks: pending.failed_checks + (good ? 0 : 1),
    };
    const checks = {
      successful_checks: counted.successful_checks,
      failed_checks: counted.failed_checks,
      error_rate_per_mille: errorRate(counted),
    };
    switch (decide(counted, this.#admin.self_healing)) {
      case "rollback":
        return await this.#goBack(counted, "error-rate");
      case "confirm":
        return await this.#confirm(counted, (id) => ({
          action: "confirmed",
          known_good_snapshot: id,
          ...checks,
        }));
      case "wait":
        await this.#changes.store.locked(() => this.#changes.learn({ pending: counted }));
        return ok({ action: "recorded", snapshot: counted.target_snapshot, ...checks });
    }
  }

  /** Back to what was served before; where that fails the window stays, and it is tried again. */
  async #goBack(
    pending: Pending,
    reason: "manual" | "error-rate" | "expired",
  ): Promise<Outcome> {
    const { target_snapshot: failed, previous_snapshot: target } = pending;
    this.#changes.learnQuietly({ pending });
    const { log } = this.#context;
    log.log("warn", "fluxheim::audit", `snapshot ${failed} goes back to ${target}: ${reason}`);
    return await this.#changes.store.locked(async () => {
      const loaded = this.#changes.loadedOf(target);
      const learned = { pending: undefined, rejected: { snapshot: failed, reason } };
      const done = await this.#changes.apply({
        source: "self-healing",
        id: target,
        loaded,
        learned,
        watched: false,
      });
      if ("refusal" in done) return done.refusal;
      this.#changes.learn({ ...learned, known_good: target });
      this.#changes.deadline = Infinity;
      this.#changes.noteWayBack(reason);
      return ok({
        reason,
        failed_snapshot: failed,
        rollback_target: target,
        impact: done.impact,
        live_apply: true,
      });
    });
  }

  /** The process serves a snapshot in place of its source: the window has ended with the last process. */
  #beginWith({ snapshot, reason }: { readonly snapshot: string; readonly reason: string }): void {
    const { log } = this.#context;
    log.log("error", "fluxheim", `serving the snapshot ${snapshot}, not --config: ${reason}`);
    const { pending } = this.#changes.validation;
    if (pending === undefined) return;
    const rejected = { snapshot: pending.target_snapshot, reason: "not confirmed" };
    void this.#inTurn(() =>
      this.#changes.store.locked(() => {
        this.#changes.store.point(snapshot);
        this.#changes.learn({ known_good: snapshot, pending: undefined, rejected });
        return ok({});
      })
    );
  }

  #inTurn(job: () => Promise<Outcome>): Promise<Outcome> {
    return this.#turns.take(() =>
      this.#withoutThrowing(() => {
        this.#changes.refuseDamage();
        return job();
      })
    );
  }

  async #withoutThrowing(job: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await job();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { kind, message } = error;
      this.#context.log.log("error", "fluxheim", `admin.snapshot_store: ${message}`);
      if (kind === "busy") return failure(409, message);
      // What the system says is for the log.
      return kind === "io" ? failure(500, "internal_error") : failure(400, message);
    }
  }

  #answered(body: () => Record<string, Plain>): Promise<Outcome> {
    return this.#withoutThrowing(() => Promise.resolve(ok(body())));
  }
}

/** What `[tls]` says of compliance, where there is such a table. */
interface Compliance {
  readonly fips?: { readonly required: boolean };
  readonly iso19790?: { readonly required: boolean };
}
