/**
 * What an operator may do to a running gateway: store, list, apply and roll back configurations, and watch
 * one after it was applied (spec 01 section 7, 06 part A3). All of it happens in the keeper, in one line with
 * reloads by signal.
 *
 * @module
 */
import { dumpToml } from "../../config/dump.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import type { Judgement, KeeperContext, Loaded, ReloadOutcome } from "../../gateway/keeper_part.ts";
import type { Plain } from "../../gateway/thread.ts";
import { failure, type Outcome } from "./calls.ts";
import { decide } from "./healing.ts";
import type { Startup } from "./startup.ts";
import { StoreError } from "./store/files.ts";
import { messageOf, newId } from "./store/ids.ts";
import { SnapshotStore } from "./store/store.ts";
import {
  type Pending,
  readValidation,
  type Validation,
  writeValidation,
} from "./store/validation.ts";
import type { EnabledAdmin } from "./table.ts";
import { Turns } from "./turns.ts";

/** Begins the message of snapshots that reloads make by themselves. */
const AUTOMATIC = "automatic: ";
/** Automatic snapshots that are kept, beside those that are in use. */
const MAX_AUTOMATIC = 128;

/** What asked for a reload. */
type Source = "start" | "signal" | "reload-config" | "reload" | "rollback" | "self-healing";

/** How the last reload went, for `status`. */
interface LastReload {
  /** Counts reloads of this process, so that one that is waited for is told from the one before. */
  readonly number: number;
  readonly source: Source;
  /** Unix seconds. */
  readonly started: number;
  readonly outcome: ReloadOutcome["kind"] | "rolled-back";
  readonly impact: "noop" | "snapshot" | "process-upgrade" | null;
  readonly reasons: readonly string[];
}

/** A change that a store and a process make together. */
interface Change {
  readonly source: Source;
  /** The snapshot that will be current. */
  readonly id: string;
  readonly loaded: Loaded;
  /** To be stored under `id` first. */
  readonly added?: { readonly text: string; readonly message: string };
  /** Id for what is served now, if that has to be stored to come back to it. */
  readonly spare?: string;
  /** What is known of snapshots afterwards, where it is not watched. */
  readonly learned?: Partial<Validation>;
  /** Whether self-healing watches what comes of it. */
  readonly watched: boolean;
}

/** Of a snapshot that is known to be good. */
const CONFIRMED: Partial<Validation> = { pending: undefined, rejected: undefined };

/** The operations of one process. */
export class Operations {
  readonly #context: KeeperContext;
  readonly #admin: EnabledAdmin;
  readonly #store: SnapshotStore;
  readonly #turns: Turns;
  /** The snapshot with the configuration that is served, where there is one. */
  #runtime: string | undefined;
  #validation: Validation;
  /** Why it is not known what was validated; nothing is changed while that is so. */
  #damage: string | undefined;
  #last: LastReload;
  #reloads = 0;
  /** When the window ends, in this process's own time. */
  #deadline = Infinity;
  #nextLook = 0;

  constructor(context: KeeperContext, admin: EnabledAdmin, startup: Startup) {
    this.#context = context;
    this.#admin = admin;
    this.#store = new SnapshotStore(admin.snapshot_store);
    this.#turns = new Turns(context);
    this.#validation = startup.validation;
    const { chosen, problems } = startup;
    for (const problem of problems) {
      context.log.log("error", "fluxheim", `admin.snapshot_store: ${problem}`);
    }
    this.#damage = startup.damage;
    this.#last = {
      number: 0,
      source: "start",
      started: Date.now() / 1000,
      outcome: chosen === undefined ? "applied" : "rolled-back",
      impact: null,
      reasons: chosen === undefined ? problems : [chosen.reason],
    };
    if (chosen !== undefined) this.#beginWith(chosen);
    else if (this.#damage === undefined) this.#recognize();
  }

  // --- what is asked for ------------------------------------------------------------------------

  /** `GET status`; never waits for a reload. */
  status(): Promise<Outcome> {
    return this.#answered(() => {
      const { known_good, pending } = this.#validation;
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
        runtime_snapshot: this.#runtime ?? null,
        known_good_snapshot: known_good ?? null,
        pending_validation: pending === undefined ? null : shownPending(pending),
        last_reload: { ...this.#last },
        process: {
          pid: process.pid,
          uptime_secs: process.uptimeSecs,
          phase: process.state.phase,
          threads: process.threads.map(({ role, serving }) => ({ role, serving })),
        },
        ...(store.problem === undefined ? {} : { store_problem: store.problem }),
      };
    });
  }

  /** `GET snapshots`. */
  snapshots(): Promise<Outcome> {
    return this.#answered(() => ({
      snapshots: this.#store.list().map(({ id, current, created_unix_secs, message, problem }) => ({
        id,
        current,
        created_unix_secs,
        message: message ?? null,
        ...(problem === undefined ? {} : { problem }),
      })),
    }));
  }

  /** `POST snapshot`: stores what is served, and makes it the current one. */
  snapshot(text: string): Promise<Outcome> {
    const read = messageOf(text);
    if ("problem" in read) return Promise.resolve(failure(400, read.problem));
    return this.#inTurn(async () => {
      const id = newId();
      await this.#store.locked(() => {
        this.#add(id, dumpToml(this.#context.running.effective ?? {}), read.message);
        try {
          this.#store.point(id);
        } catch (error) {
          this.#store.remove([id]);
          throw error;
        }
        this.#runtime = id;
        this.#afterwards(false);
      });
      return ok({ snapshot: id, config_path: this.#store.configPath(id) }, 201);
    });
  }

  /** `POST rollback`: moves the pointer and, if `live`, serves what it then names. */
  rollback(to: string | undefined, live: boolean): Promise<Outcome> {
    return this.#inTurn(() =>
      this.#store.locked(async () => {
        const id = to ?? this.#store.previous();
        const loaded = this.#loadedOf(id);
        const config_path = this.#store.configPath(id);
        if (!live) {
          this.#store.point(id);
          return ok({ rollback_target: id, config_path, live_apply: false });
        }
        const done = await this.#apply({ source: "rollback", id, loaded, watched: false });
        if ("refusal" in done) return done.refusal;
        return ok({ rollback_target: id, config_path, impact: done.impact, live_apply: true });
      })
    );
  }

  /** `POST reload`: serves what the pointer names. */
  reload(): Promise<Outcome> {
    return this.#inTurn(() =>
      this.#store.locked(async () => {
        const id = this.#store.current();
        if (id === undefined) return failure(400, "snapshot store has no current pointer");
        const loaded = this.#loadedOf(id);
        const done = await this.#apply({ source: "reload", id, loaded, watched: true });
        if ("refusal" in done) return done.refusal;
        return ok({ snapshot: id, impact: done.impact, live_apply: true });
      })
    );
  }

  /** `POST reload-config`: reads the configuration's source again, stores a snapshot of it and serves it. */
  reloadConfig(): Promise<Outcome> {
    return this.#inTurn(() => this.#reloadSource("reload-config"));
  }

  /** The same when a signal asks for it; a store that cannot be used does not stand in its way. */
  async reloadForSignal(): Promise<ReloadOutcome> {
    let settled: ReloadOutcome = { kind: "failed", reason: "the reload was not begun" };
    await this.#context.exclusively(async () => {
      try {
        this.#refuseDamage();
        await this.#reloadSource("signal", (outcome) => settled = outcome);
      } catch (error) {
        this.#logStore("warn", error);
        this.#context.log.log("warn", "fluxheim", "reload: no snapshot is stored of it");
        settled = await this.#reloadAlone();
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
      const { pending } = this.#validation;
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
    if (performance.now() < this.#deadline) return ok({});
    return await this.#expire();
  }

  /** The watchdog. */
  tick(): void {
    const now = performance.now();
    if (now < this.#deadline || now < this.#nextLook) return;
    const { validation_window_secs } = this.#admin.self_healing;
    this.#nextLook = now + Math.min(Math.max(validation_window_secs, 1), 5) * 1000;
    void this.#expire();
  }

  /** A damaged store is reported, and does not keep the rest from being seen. */
  get #storeFacts(): { current?: string; count: number; problem?: string } {
    try {
      const problem = this.#damage;
      const count = this.#store.ids().length;
      return {
        count,
        current: this.#store.current(),
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
      const { pending } = this.#validation;
      if (pending === undefined || performance.now() < this.#deadline) return ok({});
      return await this.#goBack(pending, "expired");
    });
  }

  async #reloadSource(
    source: Source,
    settle: (outcome: ReloadOutcome) => void = () => {},
  ): Promise<Outcome> {
    const loaded = await this.#context.readSource();
    return await this.#store.locked(async () => {
      const text = dumpToml(loaded.effective ?? {});
      const current = this.#store.current();
      const known = current !== undefined && this.#store.has(current) &&
          this.#store.read(current) === text
        ? current
        : undefined;
      const spare = newId();
      const id = known ?? newId();
      const added = known === undefined ? { text, message: `${AUTOMATIC}${source}` } : undefined;
      const change = { source, id, loaded, added, spare, watched: true };
      const done = await this.#apply(change, settle);
      if ("refusal" in done) return done.refusal;
      const snapshot = done.impact === "noop" ? this.#runtime ?? null : id;
      return ok({ snapshot, impact: done.impact, live_apply: true });
    });
  }

  /** Without the store. */
  async #reloadAlone(): Promise<ReloadOutcome> {
    const started = Date.now() / 1000;
    const judged = await this.#context.judge(await this.#context.readSource());
    const outcome = judged.kind === "settled"
      ? judged.outcome
      : await this.#context.commit(judged.change);
    if (outcome.kind === "applied") this.#runtime = undefined;
    this.#note("signal", started, outcome);
    return outcome;
  }

  /**
   * Makes a change: either the store and the process are both as it says afterwards, or both as they were.
   * With the lock held.
   */
  async #apply(
    change: Change,
    settle: (outcome: ReloadOutcome) => void = () => {},
  ): Promise<{ readonly impact: "noop" | "snapshot" } | { readonly refusal: Outcome }> {
    const started = Date.now() / 1000;
    const settled = (outcome: ReloadOutcome) => {
      settle(outcome);
      this.#note(change.source, started, outcome);
      return outcome;
    };
    const judged = await this.#context.judge(change.loaded);
    if (judged.kind === "settled" && judged.outcome.kind !== "noop") {
      return { refusal: refusalOf(change.id, settled(judged.outcome)) };
    }
    if (judged.kind === "settled" && change.added !== undefined && this.#runtime !== undefined) {
      // What runs is stored already, and nothing is to be watched.
      settled({ kind: "noop" });
      return { impact: "noop" };
    }
    const impact = judged.kind === "settled" ? "noop" : "snapshot";
    const outcome = await this.#commit(change, judged, impact);
    settled(outcome);
    if (outcome.kind !== "noop" && outcome.kind !== "applied") {
      return { refusal: refusalOf(change.id, outcome) };
    }
    return { impact };
  }

  /** Everything that can fail comes before the workers change over, but for the last renaming. */
  async #commit(
    change: Change,
    judged: Judgement,
    impact: "noop" | "snapshot",
  ): Promise<ReloadOutcome> {
    const before = this.#validation;
    const running = this.#context.running;
    const added: string[] = [];
    let previous = this.#wayBack;
    const watched = change.watched && impact === "snapshot" && this.#admin.self_healing.enabled;
    try {
      if (change.added !== undefined) {
        this.#add(change.id, change.added.text, change.added.message);
        added.push(change.id);
      }
      if (watched && previous === undefined) {
        previous = change.spare ?? newId();
        this.#add(previous, dumpToml(running.effective ?? {}), `${AUTOMATIC}before ${change.id}`);
        added.push(previous);
      }
      const pointer = this.#store.draftPointer(change.id);
      try {
        if (watched && previous !== undefined) this.#watch(change.id, previous, impact);
        else if (impact === "snapshot") {
          this.#learn({ ...CONFIRMED, ...change.learned, known_good: change.id });
        }
        const outcome: ReloadOutcome = judged.kind === "settled"
          ? judged.outcome
          : await this.#context.commit(judged.change);
        if (outcome.kind !== "noop" && outcome.kind !== "applied") {
          this.#restore(before);
          pointer.discard();
          this.#store.remove(added);
          return outcome;
        }
        try {
          pointer.commit();
        } catch (error) {
          await this.#undo(running);
          throw error;
        }
        this.#runtime = change.id;
        this.#afterwards(watched);
        return outcome;
      } catch (error) {
        pointer.discard();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#restore(before);
      this.#store.remove(added);
      throw error;
    }
  }

  /** The workers have changed over, and the store could not: they change back. */
  async #undo(before: Loaded): Promise<void> {
    const judged = await this.#context.judge(before);
    if (judged.kind === "live") await this.#context.commit(judged.change);
  }

  /** A change was made; what is still to be written may fail without harm. */
  #afterwards(watched: boolean): void {
    const { pending } = this.#validation;
    if (watched) this.#deadline = performance.now() + this.#windowMs;
    else if (pending === undefined) this.#deadline = Infinity;
    try {
      if (pending === undefined) this.#learn({ known_good: this.#runtime });
      this.#removeOld();
    } catch (error) {
      this.#logStore("warn", error);
    }
  }

  get #windowMs(): number {
    return this.#admin.self_healing.validation_window_secs * 1000;
  }

  /** The snapshot that self-healing would go back to: never one that is not confirmed. */
  get #wayBack(): string | undefined {
    const { pending, known_good } = this.#validation;
    const id = pending?.previous_snapshot ??
      (known_good === this.#runtime ? known_good : undefined);
    return id !== undefined && this.#store.has(id) ? id : undefined;
  }

  #watch(target: string, previous: string, impact: "noop" | "snapshot"): void {
    const { validation_window_secs } = this.#admin.self_healing;
    this.#learn({
      known_good: previous,
      rejected: undefined,
      pending: {
        target_snapshot: target,
        previous_snapshot: previous,
        impact,
        expires_unix_secs: Math.ceil(Date.now() / 1000) + validation_window_secs,
        successful_checks: 0,
        failed_checks: 0,
      },
    });
  }

  async #confirm(
    { target_snapshot }: Pending,
    body: (id: string) => Record<string, Plain>,
  ): Promise<Outcome> {
    await this.#store.locked(() => this.#learn({ ...CONFIRMED, known_good: target_snapshot }));
    this.#deadline = Infinity;
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
        await this.#store.locked(() => this.#learn({ pending: counted }));
        return ok({ action: "recorded", snapshot: counted.target_snapshot, ...checks });
    }
  }

  /** Back to what was served before; where that fails the window stays, and it is tried again. */
  async #goBack(
    pending: Pending,
    reason: "manual" | "error-rate" | "expired",
  ): Promise<Outcome> {
    const { target_snapshot: failed, previous_snapshot: target } = pending;
    this.#learnQuietly({ pending });
    const { log } = this.#context;
    log.log("warn", "fluxheim::audit", `snapshot ${failed} goes back to ${target}: ${reason}`);
    return await this.#store.locked(async () => {
      const loaded = this.#loadedOf(target);
      const learned = { pending: undefined, rejected: { snapshot: failed, reason } };
      const done = await this.#apply({
        source: "self-healing",
        id: target,
        loaded,
        learned,
        watched: false,
      });
      if ("refusal" in done) return done.refusal;
      this.#learn({ ...learned, known_good: target });
      this.#deadline = Infinity;
      this.#last = { ...this.#last, outcome: "rolled-back", reasons: [reason] };
      return ok({
        reason,
        failed_snapshot: failed,
        rollback_target: target,
        impact: done.impact,
        live_apply: true,
      });
    });
  }

  /** Sets what is known, in the store first. With the lock held. */
  #learn(change: Partial<Validation>): void {
    const next = { ...this.#validation, ...change };
    writeValidation(this.#store.root, next);
    this.#validation = next;
  }

  /** The same in this process, where the disk need not have it. */
  #learnQuietly(change: Partial<Validation>): void {
    this.#validation = { ...this.#validation, ...change };
  }

  /** What was known before a change that has failed. */
  #restore(before: Validation): void {
    if (this.#validation === before) return;
    this.#validation = before;
    try {
      writeValidation(this.#store.root, before);
    } catch (error) {
      this.#logStore("error", error);
    }
  }

  #logStore(level: "warn" | "error", error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#context.log.log(level, "fluxheim", `admin.snapshot_store: ${error.message}`);
  }

  #add(id: string, text: string, message: string | undefined): void {
    this.#store.add({ id, text, message, createdUnixSecs: Math.floor(Date.now() / 1000) });
  }

  /** Of automatic snapshots only the youngest stay, and those that are in use. */
  #removeOld(): void {
    const { pending, known_good } = this.#validation;
    const used = new Set([
      this.#runtime,
      known_good,
      pending?.target_snapshot,
      pending?.previous_snapshot,
    ]);
    const automatic = this.#store.list().filter(({ id, current, message }) =>
      !current && !used.has(id) && message?.startsWith(AUTOMATIC) === true
    );
    if (automatic.length <= MAX_AUTOMATIC) return;
    this.#store.remove(automatic.slice(0, -MAX_AUTOMATIC).map(({ id }) => id));
  }

  /** The checked configuration of a snapshot; its problems are the operator's to know. */
  #loadedOf(id: string): Loaded {
    const loaded = this.#context.readText(this.#store.read(id));
    if (loaded.config !== undefined) return loaded;
    const problems = loaded.problems.map(formatProblem).join("; ");
    throw new StoreError("refused", `the snapshot ${id} is not valid: ${problems}`);
  }

  /** The process serves a snapshot in place of its source: the window has ended with the last process. */
  #beginWith({ snapshot, reason }: { readonly snapshot: string; readonly reason: string }): void {
    const { log } = this.#context;
    log.log("error", "fluxheim", `serving the snapshot ${snapshot}, not --config: ${reason}`);
    this.#runtime = snapshot;
    const { pending } = this.#validation;
    if (pending === undefined) return;
    const rejected = { snapshot: pending.target_snapshot, reason: "not confirmed" };
    void this.#inTurn(() =>
      this.#store.locked(() => {
        this.#store.point(snapshot);
        this.#learn({ known_good: snapshot, pending: undefined, rejected });
        return ok({});
      })
    );
  }

  /** Whether what is served is the current snapshot. */
  #recognize(): void {
    try {
      const current = this.#store.current();
      if (current === undefined || !this.#store.has(current)) return;
      const text = dumpToml(this.#context.running.effective ?? {});
      if (this.#store.read(current) !== text) return;
      this.#runtime = current;
      this.#validation = { ...this.#validation, known_good: current };
    } catch (error) {
      this.#logStore("error", error);
    }
  }

  #note(source: Source, started: number, outcome: ReloadOutcome): void {
    this.#context.report(outcome);
    this.#last = {
      number: ++this.#reloads,
      source,
      started,
      outcome: outcome.kind,
      impact: impactOf(outcome),
      reasons: reasonsOf(outcome),
    };
  }

  #inTurn(job: () => Promise<Outcome>): Promise<Outcome> {
    return this.#turns.take(() =>
      this.#withoutThrowing(() => {
        this.#refuseDamage();
        return job();
      })
    );
  }

  /** What was validated could not be read; an operator may have removed the file since. */
  #refuseDamage(): void {
    if (this.#damage === undefined) return;
    this.#validation = readValidation(this.#store.root);
    this.#damage = undefined;
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

function complianceMode(fips: boolean, iso: boolean): string {
  if (iso) return "FIPS 140-3 / ISO/IEC 19790";
  return fips ? "FIPS 140-3" : "none";
}

function ok(body: Readonly<Record<string, Plain>>, status = 200): Outcome {
  return { status, body: { status: "ok", ...body } };
}

function errorRate({ successful_checks, failed_checks }: Pending): number {
  const all = successful_checks + failed_checks;
  return all === 0 ? 0 : Math.floor(failed_checks * 1000 / all);
}

function shownPending(pending: Pending): Record<string, Plain> {
  return { ...pending, error_rate_per_mille: errorRate(pending) };
}

/** The answer to a change that was not made. */
function refusalOf(snapshot: string, outcome: ReloadOutcome): Outcome {
  switch (outcome.kind) {
    case "process-upgrade":
      return {
        status: 409,
        body: {
          status: "error",
          error: "process_upgrade_required",
          snapshot,
          impact: "process-upgrade",
          reasons: [...outcome.reasons],
          live_apply: false,
        },
      };
    case "invalid": {
      const problems = outcome.problems.filter(({ warning }) => warning !== true);
      return failure(400, problems.map(formatProblem).join("; "));
    }
    case "failed":
      return failure(409, `the configuration could not be applied: ${outcome.reason}`);
    default:
      return failure(500, "internal_error");
  }
}

function impactOf({ kind }: ReloadOutcome): LastReload["impact"] {
  switch (kind) {
    case "noop":
      return "noop";
    case "applied":
      return "snapshot";
    case "process-upgrade":
      return "process-upgrade";
    default:
      return null;
  }
}

function reasonsOf(outcome: ReloadOutcome): readonly string[] {
  switch (outcome.kind) {
    case "process-upgrade":
      return outcome.reasons;
    case "invalid":
      return outcome.problems.filter(({ warning }) => warning !== true).map(formatProblem);
    case "failed":
      return [outcome.reason];
    default:
      return [];
  }
}
