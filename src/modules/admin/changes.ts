/**
 * Changes of what is served, which the snapshot store and the process make together: either both are as a
 * change says afterwards, or both as they were. What is known of snapshots, and which one is being watched, is
 * part of that (spec 01 section 7.4).
 *
 * @module
 */
import { dumpToml } from "../../config/dump.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import type {
  Judgement,
  KeeperContext,
  Loaded,
  ReloadOutcome,
} from "../../gateway/threads/keeper_part.ts";
import type { Outcome } from "./calls.ts";
import { impactOf, type LastReload, reasonsOf, refusalOf, type Source } from "./api/shown.ts";
import type { Startup } from "./startup.ts";
import { StoreError } from "./store/files.ts";
import { SnapshotStore } from "./store/store.ts";
import { readValidation, type Validation, writeValidation } from "./store/validation.ts";
import type { EnabledAdmin } from "./table.ts";

/** Begins the message of snapshots that reloads make by themselves. */
export const AUTOMATIC = "automatic: ";
/** Automatic snapshots that are kept, beside those that are in use. */
const MAX_AUTOMATIC = 128;

/** A change that a store and a process make together. */
export interface Change {
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
export const CONFIRMED: Partial<Validation> = { pending: undefined, rejected: undefined };

/** Of a change that was made. */
export interface Done {
  readonly impact: "noop" | "snapshot";
}

/** The store and the process, as one. */
export class Changes {
  readonly store: SnapshotStore;
  readonly #context: KeeperContext;
  readonly #admin: EnabledAdmin;
  /** The snapshot with the configuration that is served, where there is one. */
  runtime: string | undefined;
  /** Why it is not known what was validated; nothing is changed while that is so. */
  damage: string | undefined;
  /** When the window ends, in this process's own time. */
  deadline = Infinity;
  #validation: Validation;
  /** The watched snapshot that the store has as far as this process knows. */
  #written: string | undefined;
  #last: LastReload;
  #reloads = 0;

  constructor(
    context: KeeperContext,
    admin: EnabledAdmin,
    { chosen, problems, validation, damage }: Startup,
  ) {
    this.#context = context;
    this.#admin = admin;
    this.store = new SnapshotStore(admin.snapshot_store);
    this.#validation = validation;
    this.#written = validation.pending?.target_snapshot;
    this.damage = damage;
    for (const problem of problems) {
      context.log.log("error", "fluxheim", `admin.snapshot_store: ${problem}`);
    }
    this.#last = {
      number: 0,
      source: "start",
      started: Date.now() / 1000,
      outcome: chosen === undefined ? "applied" : "rolled-back",
      impact: null,
      reasons: chosen === undefined ? problems : [chosen.reason],
    };
    if (chosen !== undefined) this.runtime = chosen.snapshot;
    else if (damage === undefined) this.#recognize();
  }

  /** What is known of snapshots. */
  get validation(): Validation {
    return this.#validation;
  }

  /** How the last reload went. */
  get last(): LastReload {
    return this.#last;
  }

  /**
   * Makes a change: either the store and the process are both as it says afterwards, or both as they were.
   * With the lock held.
   */
  async apply(
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
    if (judged.kind === "settled" && change.added !== undefined && this.runtime !== undefined) {
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
        this.add(change.id, change.added.text, change.added.message);
        added.push(change.id);
      }
      if (watched && previous === undefined) {
        previous = change.spare ?? this.store.newIds.next();
        this.add(previous, dumpToml(running.effective ?? {}), `${AUTOMATIC}before ${change.id}`);
        added.push(previous);
      }
      const pointer = this.store.draftPointer(change.id);
      try {
        if (watched && previous !== undefined) this.#watch(change.id, previous, impact);
        else if (impact === "snapshot") {
          this.learn({ ...CONFIRMED, ...change.learned, known_good: change.id });
        }
        const outcome: ReloadOutcome = judged.kind === "settled"
          ? judged.outcome
          : await this.#context.commit(judged.change);
        if (outcome.kind !== "noop" && outcome.kind !== "applied") {
          this.#restore(before);
          pointer.discard();
          this.store.remove(added);
          return outcome;
        }
        try {
          pointer.commit();
        } catch (error) {
          await this.#undo(running);
          throw error;
        }
        this.runtime = change.id;
        this.afterwards(watched);
        return outcome;
      } catch (error) {
        pointer.discard();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#restore(before);
      this.store.remove(added);
      throw error;
    }
  }

  /** The workers have changed over, and the store could not: they change back. */
  async #undo(before: Loaded): Promise<void> {
    const judged = await this.#context.judge(before);
    if (judged.kind === "live") await this.#context.commit(judged.change);
  }

  /** A change was made; what is still to be written may fail without harm. */
  afterwards(watched: boolean): void {
    const { pending } = this.#validation;
    if (watched) this.deadline = performance.now() + this.#windowMs;
    else if (pending === undefined) this.deadline = Infinity;
    try {
      if (pending === undefined) this.learn({ known_good: this.runtime });
      this.#removeOld();
    } catch (error) {
      this.logStore("warn", error);
    }
  }

  get #windowMs(): number {
    return this.#admin.self_healing.validation_window_secs * 1000;
  }

  /** The snapshot that self-healing would go back to: never one that is not confirmed. */
  get #wayBack(): string | undefined {
    const { pending, known_good } = this.#validation;
    const id = pending?.previous_snapshot ??
      (known_good === this.runtime ? known_good : undefined);
    return id !== undefined && this.store.has(id) ? id : undefined;
  }

  #watch(target: string, previous: string, impact: "noop" | "snapshot"): void {
    const { validation_window_secs } = this.#admin.self_healing;
    this.learn({
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

  /** Without the store. */
  async applyAlone(): Promise<ReloadOutcome> {
    const started = Date.now() / 1000;
    const judged = await this.#context.judge(await this.#context.readSource());
    const outcome = judged.kind === "settled"
      ? judged.outcome
      : await this.#context.commit(judged.change);
    if (outcome.kind === "applied") this.runtime = undefined;
    this.#note("signal", started, outcome);
    return outcome;
  }

  /** The checked configuration of a snapshot; its problems are the operator's to know. */
  loadedOf(id: string): Loaded {
    const loaded = this.#context.readText(this.store.read(id));
    if (loaded.config !== undefined) return loaded;
    const problems = loaded.problems.map(formatProblem).join("; ");
    throw new StoreError("refused", `the snapshot ${id} is not valid: ${problems}`);
  }

  add(id: string, text: string, message: string | undefined): void {
    this.store.add({ id, text, message, createdUnixSecs: Math.floor(Date.now() / 1000) });
  }

  /**
   * Sets what is known, in the store first. With the lock held.
   *
   * @throws {StoreError} when another gateway of this store is watching a snapshot: its way back is there alone.
   */
  learn(change: Partial<Validation>): void {
    this.#refuseOtherWindow();
    const next = { ...this.#validation, ...change };
    writeValidation(this.store.root, next);
    this.#written = next.pending?.target_snapshot;
    this.#validation = next;
  }

  #refuseOtherWindow(): void {
    const { pending } = readValidation(this.store.root);
    if (pending === undefined || pending.target_snapshot === this.#written) return;
    const text = `another gateway is watching ${pending.target_snapshot} in ${this.store.root}; ` +
      "give each a store of its own, or wait until that is confirmed or gone back on";
    throw new StoreError("busy", text);
  }

  /** The same in this process, where the disk need not have it. */
  learnQuietly(change: Partial<Validation>): void {
    this.#validation = { ...this.#validation, ...change };
  }

  /** What was validated could not be read; an operator may have removed the file since. */
  refuseDamage(): void {
    if (this.damage === undefined) return;
    this.#validation = readValidation(this.store.root);
    this.#written = this.#validation.pending?.target_snapshot;
    this.damage = undefined;
  }

  /** What was known before a change that has failed. */
  #restore(before: Validation): void {
    if (this.#validation === before) return;
    this.#validation = before;
    try {
      writeValidation(this.store.root, before);
      this.#written = before.pending?.target_snapshot;
    } catch (error) {
      this.logStore("error", error);
    }
  }

  logStore(level: "warn" | "error", error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#context.log.log(level, "fluxheim", `admin.snapshot_store: ${error.message}`);
  }

  /** Of automatic snapshots only the youngest stay, and those that are in use. */
  #removeOld(): void {
    const { pending, known_good } = this.#validation;
    const used = new Set([
      this.runtime,
      known_good,
      pending?.target_snapshot,
      pending?.previous_snapshot,
    ]);
    const automatic = this.store.list().filter(({ id, current, message }) =>
      !current && !used.has(id) && message?.startsWith(AUTOMATIC) === true
    );
    if (automatic.length <= MAX_AUTOMATIC) return;
    this.store.remove(automatic.slice(0, -MAX_AUTOMATIC).map(({ id }) => id));
  }

  /** Whether what is served is the current snapshot. */
  #recognize(): void {
    try {
      const current = this.store.current();
      if (current === undefined || !this.store.has(current)) return;
      const text = dumpToml(this.#context.running.effective ?? {});
      if (this.store.read(current) !== text) return;
      this.runtime = current;
      this.#validation = { ...this.#validation, known_good: current };
    } catch (error) {
      this.logStore("error", error);
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

  /** The last change was the way back from one that was being watched. */
  noteWayBack(reason: string): void {
    this.#last = { ...this.#last, outcome: "rolled-back", reasons: [reason] };
  }
}
