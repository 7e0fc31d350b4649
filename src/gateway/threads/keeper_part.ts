/**
 * The contract between the keeper and a module that has a part in it: operations on the running
 * configuration, which services ask for by declared calls. The keeper holds the permissions of the process,
 * so a part takes what it is called with as input of a stranger.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { SeriesValue } from "../../zones/series.ts";
import type { Logger } from "../reports/log.ts";
import type { ProcessState } from "./process_state.ts";
import type { Plain } from "./thread.ts";

/** A configuration as its source has it now, or what is wrong with it; warnings may come with one. */
export interface Loaded {
  /** `undefined` when any problem is more than a warning. */
  readonly config: Config | undefined;
  /** Errors and warnings. */
  readonly problems: readonly Problem[];
  /** The same configuration as it would be written, every default in it. */
  readonly effective?: Readonly<Record<string, unknown>>;
  /** Says where in the configuration's files the key of a problem stands, if that is known. */
  place?(problem: Problem): Problem;
}

/** How a reload went. Unless it is `applied`, everything is served as before. */
export type ReloadOutcome =
  | { readonly kind: "noop" }
  | { readonly kind: "applied" }
  /** The new configuration is wrong. */
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] }
  /** The change needs a new process. */
  | {
    readonly kind: "process-upgrade";
    /** Of spec 01 section 7.2, and `permissions-changed`. */
    readonly reasons: readonly string[];
    /** What exactly is missing, for `permissions-changed`. */
    readonly problems: readonly Problem[];
  }
  /** A worker could not build it. */
  | { readonly kind: "failed"; readonly reason: string };

/** A change that may be applied live, or how it ends already. */
export type Judgement =
  | { readonly kind: "live"; readonly change: LiveChange }
  | { readonly kind: "settled"; readonly outcome: ReloadOutcome };

/** A change that may be applied live; only the keeper makes one, and knows what is in it. */
export interface LiveChange {
  /** What would be served. */
  readonly config: Config;
}

/** A thread of the process. */
export interface ThreadFacts {
  /** `edge`, or the role of a service. */
  readonly role: string;
  /** How many of them serve. */
  readonly serving: number;
}

/** What the keeper knows of the process. */
export interface ProcessFacts {
  /** Its id. */
  readonly pid: number;
  /** Seconds since it serves. */
  readonly uptimeSecs: number;
  /** Whether it serves. */
  readonly state: ProcessState;
  /** Those that run, by role. */
  readonly threads: readonly ThreadFacts[];
}

/** What a part works with. */
export interface KeeperContext {
  /** The log of the keeper. */
  readonly log: Logger;
  /** The configuration that is served, as it was loaded. */
  readonly running: Loaded & { readonly config: Config };
  /** The process as it is now. */
  readonly process: ProcessFacts;
  /** Sums of all counters of the process. */
  series(): readonly SeriesValue[];
  /** Reads and checks the configuration's source. */
  readSource(): Promise<Loaded>;
  /** Checks the text of a configuration, in which every path is absolute. */
  readText(text: string): Loaded;
  /** Runs `job` when no reload and no other such job is under way. */
  exclusively<T>(job: () => Promise<T>): Promise<T>;
  /** How the change to `loaded` could be applied; changes nothing. To be called exclusively. */
  judge(loaded: Loaded): Promise<Judgement>;
  /** Has every worker serve by the new configuration, or none. To be called exclusively. */
  commit(change: LiveChange): Promise<ReloadOutcome>;
  /** Logs how a reload went. */
  report(outcome: ReloadOutcome): void;
}

/** What a part is asked with before anything is served. */
export interface StartContext {
  /** What the source of the configuration has. */
  readonly loaded: Loaded & { readonly config: Config };
  /** As in {@linkcode KeeperContext.readText}. */
  readText(text: string): Loaded;
}

/** A module's part in the keeper. */
export interface KeeperPart {
  /**
   * The configuration to start with in place of the one that the source has. One that cannot be served is
   * passed over. Must not reject.
   */
  choose?(context: StartContext): Promise<Loaded | undefined>;
  /** What was chosen could not be served, for `reason`; the source's configuration is. */
  passedOver?(reason: string): void;
  /** Begins its work; the process serves. */
  open(context: KeeperContext): RunningKeeperPart;
}

/** A part at work. */
export interface RunningKeeperPart {
  /** Calls that services may make, by name: `status` for one who asks `keeper.status`. */
  readonly calls: ReadonlyMap<string, (input: Plain) => Promise<Plain>>;
  /** Takes up the source's configuration when a signal asks for that; without it, the keeper does. */
  reload?(): Promise<ReloadOutcome>;
  /** Called on every tick of the keeper's clock. */
  tick?(): void;
}

/** How a module declares its part. */
export interface KeeperPartSpec {
  /** Whether a configuration asks for it. Pure. */
  wanted(config: Config): boolean;
  /** Loads its code, and makes a part for this process. */
  load(): Promise<KeeperPart>;
}
