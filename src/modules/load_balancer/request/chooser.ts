/**
 * Chooses a member for a request: the passes of a pool in their order, each by the policy of the selection, with
 * what may change at any moment (caps, ejections, slow starts) asked member by member.
 *
 * @module
 */
import type { Member } from "../member.ts";
import type { SharedPool } from "../memory/pool_memory.ts";
import type { Candidates, Seeds, Selection, SelectionPolicy } from "../selection/selection.ts";
import type { SlowStart } from "../memory/slow_start.ts";
import { type Pass, type View, viewOf, type ViewRules } from "../care/view.ts";

/** What a chooser works with. */
export interface ChooserOptions {
  readonly shared: SharedPool;
  readonly rules: ViewRules;
  readonly policy: SelectionPolicy;
  readonly maxIterations: number;
  readonly loadFactor: number;
  readonly seeds: Seeds;
  /** The time in ticks. */
  readonly now: () => number;
  readonly slowStart: SlowStart | undefined;
  /** Fewest members that ejections leave; `undefined` where none is ejected. */
  readonly minHealthy: number | undefined;
  sessions(slot: number): number;
  /** The list of members is another one. */
  onMembers(members: readonly Member[]): void;
}

/** What one request asks for. */
export interface Choice {
  readonly key: string;
  /** Members that it has tried in vain; another one is preferred. */
  readonly tried: readonly Member[] | undefined;
  /** It has chosen none before: only such a choice takes a turn. */
  readonly isFirst: boolean;
}

/** The members of a pool, for the requests of one worker. */
export class Chooser implements Candidates {
  readonly options: ChooserOptions;
  #view: View;
  #selection: Selection;
  // What the pass under way goes by; choosing never waits, so one of each is enough.
  #pass: Pass = NO_PASS;
  #now = 0;
  #tried: readonly Member[] | undefined;
  #isFirst = true;
  #isFloor: boolean | undefined;
  readonly #isTimeless: boolean;

  constructor(options: ChooserOptions) {
    this.options = options;
    this.#isTimeless = options.slowStart === undefined && options.minHealthy === undefined;
    this.#view = viewOf(options.shared, options.rules);
    this.#selection = this.#open();
    options.onMembers(this.#view.members);
  }

  /** The pool as it is now. */
  get view(): View {
    this.refresh();
    return this.#view;
  }

  /** Looks at the pool again if something has changed. */
  refresh(): void {
    const { shared, rules, onMembers } = this.options;
    if (this.#view.generation === shared.generation) return;
    const { members } = this.#view;
    this.#view = viewOf(shared, rules, members);
    if (isSameList(members, this.#view.members)) return;
    this.#selection = this.#open();
    onMembers(this.#view.members);
  }

  /** The member for a request; `undefined` when there is none for it at the moment. */
  choose({ key, tried, isFirst }: Choice): Member | undefined {
    const { passes } = this.view;
    this.#isFirst = isFirst;
    this.#isFloor = undefined;
    if (!this.#isTimeless) this.#now = this.options.now();
    this.#tried = tried;
    let found = this.#run(passes, key);
    if (found === undefined && tried !== undefined) {
      this.#tried = undefined;
      found = this.#run(passes, key);
    }
    this.#tried = undefined;
    return found;
  }

  /** Whether a client that was kept with `member` may stay (spec 03 section 9.2). */
  maySend(member: Member): boolean {
    const { options: { shared, slowStart, minHealthy, rules }, view } = this;
    const { slot, settings } = member;
    if (view.isUsable[member.index] !== 1 || view.members[member.index] !== member) return false;
    if (shared.inFlight(slot) >= settings.cap) return false;
    if (rules.hasPreferred && !settings.isPreferred) return false;
    if (this.#isTimeless) return true;
    const now = this.options.now();
    if (minHealthy !== undefined) {
      if (shared.ejectionLeft(slot, now) > 0 || this.#isOnTrial(member)) return false;
    }
    return slowStart?.counts(member, now) ?? true;
  }

  // --- the pass under way, for the selection ---------------------------------------------------

  get members(): readonly Member[] {
    return this.#pass.members;
  }

  get totalWeight(): number {
    return this.#pass.totalWeight;
  }

  get isPlain(): boolean {
    return this.#isTimeless && this.#tried === undefined && !this.#view.hasCaps;
  }

  turn(): number {
    const { shared } = this.options;
    return this.#isFirst ? shared.nextTurn() : shared.turn;
  }

  admits(member: Member): boolean {
    if (!this.#mayCount(member)) return false;
    const { slowStart } = this.options;
    return slowStart === undefined || this.#pass.ignoresSlowStart ||
      slowStart.admits(member, this.#now);
  }

  counts(member: Member): boolean {
    if (!this.#mayCount(member)) return false;
    const { slowStart } = this.options;
    return slowStart === undefined || this.#pass.ignoresSlowStart ||
      slowStart.counts(member, this.#now);
  }

  /** All but the slow start. */
  #mayCount(member: Member): boolean {
    if (this.#pass.has[member.index] !== 1) return false;
    if (this.#tried?.includes(member) === true) return false;
    const { shared, minHealthy } = this.options;
    const { cap } = member.settings;
    if (cap !== Infinity && shared.inFlight(member.slot) >= cap) return false;
    if (minHealthy === undefined) return true;
    if (shared.ejectionLeft(member.slot, this.#now) > 0) return this.#isBelowFloor(minHealthy);
    return this.#isOnTrial(member) ? this.#isBelowFloor(minHealthy) : true;
  }

  /** Whether a member that was ejected has as many requests as it still has to prove itself with. */
  #isOnTrial({ slot }: Member): boolean {
    const { shared } = this.options;
    const trials = shared.trials(slot);
    return trials > 0 && shared.inFlight(slot) >= trials;
  }

  /** Whether so few members are left that ejections do not count. */
  #isBelowFloor(minHealthy: number): boolean {
    if (this.#isFloor !== undefined) return this.#isFloor;
    const { shared } = this.options;
    let healthy = 0;
    for (const { slot, settings } of this.#view.usable) {
      const hasRoom = settings.cap === Infinity || shared.inFlight(slot) < settings.cap;
      if (hasRoom && shared.ejectionLeft(slot, this.#now) === 0) healthy++;
    }
    return this.#isFloor = healthy < minHealthy;
  }

  #run(passes: readonly Pass[], key: string): Member | undefined {
    for (let i = 0; i < passes.length; i++) {
      const pass = this.#pass = passes[i];
      if (pass.minActive > 0 && !this.#isActive(pass)) continue;
      const found = this.#selection.select(this, key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #isActive({ members, minActive }: Pass): boolean {
    let count = 0;
    for (let i = 0; i < members.length && count < minActive; i++) {
      if (this.counts(members[i])) count++;
    }
    return count >= minActive;
  }

  #open(): Selection {
    const { policy, shared, maxIterations, loadFactor, seeds, sessions } = this.options;
    const { members } = this.#view;
    return policy.open({ members, shared, maxIterations, loadFactor, seeds, sessions });
  }
}

const NO_PASS: Pass = {
  members: [],
  has: new Uint8Array(0),
  totalWeight: 0,
  ignoresSlowStart: false,
  minActive: 0,
  name: "",
};

function isSameList(one: readonly Member[], other: readonly Member[]): boolean {
  return one.length === other.length && one.every((member, i) => member === other[i]);
}
