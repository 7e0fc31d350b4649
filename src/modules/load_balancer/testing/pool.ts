/** Pools in memory, for tests of selection. @module */
import { newMemory } from "../../../zones/layout.ts";
import { Chooser, type ChooserOptions } from "../request/chooser.ts";
import type { Member, MemberSettings } from "../member.ts";
import { poolMemory, type PoolSettings, SharedPool } from "../memory/pool_memory.ts";
import { policyOf } from "../selection/policies.ts";
import type { Seeds } from "../selection/selection.ts";
import { SlowStart } from "../memory/slow_start.ts";
import { compareAddresses } from "../table.ts";

const SEED = { high: 0x01234567, low: 0x89abcdef };

/** The seeds of spec 03 section 23. */
export const SEEDS: Seeds = { hash: SEED, consistent: SEED, maglev: SEED };

/** What a test says of a pool; the rest is as by default. */
export interface PoolFixture {
  readonly selection?: string;
  /** By the last octet of the port: 127.0.0.1:3001 is 1. */
  readonly members?: Readonly<Record<number, Partial<MemberSettings>>>;
  readonly minActive?: number;
  readonly hasPreferred?: boolean;
  readonly slowStartTicks?: number;
  readonly minHealthy?: number;
  readonly maxIterations?: number;
  readonly loadFactor?: number;
  readonly failOpen?: boolean;
}

const UNSET: MemberSettings = {
  alias: "",
  tags: [],
  weight: 1,
  priority: undefined,
  locality: "",
  isPreferred: false,
  cap: Infinity,
  isBackup: false,
  isDrained: false,
  isDisabled: false,
};

/** Settings of a member, of which `own` are not the default. */
export function settingsWith(own: Partial<MemberSettings>): MemberSettings {
  return { ...UNSET, ...own };
}

/** A pool of 127.0.0.1:3001 and so on. */
export class TestPool {
  readonly memory: SharedArrayBuffer;
  readonly shared: SharedPool;
  readonly chooser: Chooser;
  /** The time in ticks, which tests move. */
  now = 1000;

  constructor({
    selection = "round-robin",
    members = { 1: {}, 2: {}, 3: {} },
    minActive = 1,
    hasPreferred = false,
    slowStartTicks,
    minHealthy,
    maxIterations = 256,
    loadFactor = 1250,
    failOpen = false,
  }: PoolFixture = {}) {
    const settings = new Map(
      Object.entries(members).map(([port, own]) => [addressOf(Number(port)), settingsWith(own)]),
    );
    const configured: PoolSettings = { members: [...settings.keys()] };
    this.memory = newMemory(poolMemory, undefined, 4);
    poolMemory.apply?.(this.memory, configured, { threads: 4, waitUntil: Infinity });
    new Int32Array(this.memory)[2] = 0;
    this.shared = this.as(0);
    const hasPriorities = Object.values(members).some(({ priority }) => priority !== undefined);
    const options: ChooserOptions = {
      shared: this.shared,
      rules: {
        settings,
        hasPriorities,
        minActive,
        hasPreferred,
        slowStart: slowStartTicks !== undefined,
        failOpen,
      },
      policy: policyOf(selection).policy,
      maxIterations,
      loadFactor,
      seeds: SEEDS,
      now: () => this.now,
      slowStart: slowStartTicks === undefined
        ? undefined
        : new SlowStart(this.shared, slowStartTicks),
      minHealthy,
      sessions: () => 0,
      onMembers: () => {},
    };
    this.chooser = new Chooser(options);
  }

  /** The memory as another thread works with it. */
  as(index: number): SharedPool {
    return new SharedPool(this.memory, { index, count: 4 });
  }

  /** The port of the member that is chosen, less 3000; 0 for none. */
  choose(key = "", tried?: readonly number[], isFirst = true): number {
    const members = tried?.map((port) => this.member(port));
    const found = this.chooser.choose({ key, tried: members, isFirst });
    return found === undefined ? 0 : portOf(found);
  }

  /** Several choices, one after another. */
  many(count: number, key = ""): number[] {
    return Array.from({ length: count }, () => this.choose(key));
  }

  member(port: number): Member {
    const found = this.chooser.view.members.find((member) => portOf(member) === port);
    if (found === undefined) throw new Error(`no member ${port}`);
    return found;
  }

  slot(port: number): number {
    return this.shared.slotOf(addressOf(port));
  }
}

/** `127.0.0.1:3001` for 1. */
export function addressOf(port: number): string {
  return `127.0.0.1:${3000 + port}`;
}

function portOf({ address }: Member): number {
  return Number(address.split(":")[1]) - 3000;
}

/** Members in their order. */
export function sorted(addresses: readonly string[]): string[] {
  return addresses.toSorted(compareAddresses);
}
