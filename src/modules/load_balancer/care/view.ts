/**
 * A pool as one worker remembers it between two changes: its members in their order, and the passes of a
 * selection with the members that no lasting reason keeps out of each (spec 03 section 5).
 *
 * @module
 */
import { effectiveWeight, Member, type MemberSettings, settingsOf } from "../member.ts";
import {
  OVERRIDDEN,
  type SharedMember,
  type SharedPool,
  UNHEALTHY,
} from "../memory/pool_memory.ts";
import { compareAddresses, type PoolConfig } from "../table.ts";

/** What the configuration says of a whole pool. */
export interface ViewRules {
  readonly settings: ReadonlyMap<string, MemberSettings>;
  readonly hasPriorities: boolean;
  readonly minActive: number;
  readonly hasPreferred: boolean;
  readonly slowStart: boolean;
  /** Where all members are down by their probes, none is taken to be. */
  readonly failOpen: boolean;
}

/** What `proxy` says of its pool. */
export function rulesOf(proxy: PoolConfig): ViewRules {
  const { slow_start, health_check } = proxy.load_balance;
  return {
    settings: settingsOf(proxy),
    hasPriorities: proxy.upstream_priority_groups.length > 0,
    minActive: proxy.upstream_priority_group_min_active,
    hasPreferred: proxy.preferred_upstream_localities.length > 0,
    slowStart: slow_start.enabled,
    failOpen: health_check.fail_open,
  };
}

/** One pass over some of the members. */
export interface Pass {
  readonly members: readonly Member[];
  /** 1 at the index of each of them. */
  readonly has: Uint8Array;
  readonly totalWeight: number;
  readonly ignoresSlowStart: boolean;
  /** Fewest candidates for the pass to run; 0 where it always does. */
  readonly minActive: number;
  /** For `fluxheim explain`. */
  readonly name: string;
}

/** A pool between two changes. */
export interface View {
  readonly generation: number;
  readonly members: readonly Member[];
  readonly passes: readonly Pass[];
  /** Members that are ready, neither drained nor disabled, whatever their place: the floor counts these. */
  readonly usable: readonly Member[];
  /** 1 at the index of each of these. */
  readonly isUsable: Uint8Array;
  /** Whether a member has a cap. */
  readonly hasCaps: boolean;
}

/** Looks at `shared`; members that are still there stay the same objects. */
export function viewOf(
  shared: SharedPool,
  rules: ViewRules,
  before: readonly Member[] = [],
): View {
  const { generation } = shared;
  const known = new Map(before.map((member) => [member.address, member]));
  const members = shared.members()
    .toSorted((a, b) => compareAddresses(a.address, b.address))
    .map((found) => memberOf(found, known.get(found.address), rules));
  const flags = members.map(({ slot }) => shared.flags(slot));
  const isOpen = rules.failOpen && flags.every((flag) => (flag & UNHEALTHY) !== 0);
  const isUsable = new Uint8Array(members.length);
  for (const [index, member] of members.entries()) {
    const { settings, slot } = member;
    member.index = index;
    member.effectiveWeight = effectiveWeight(
      settings.weight,
      shared.weight(slot),
      shared.healthPercent(slot),
    );
    const isHealthy = isOpen || (flags[index] & UNHEALTHY) === 0;
    const isOut = settings.isDrained || settings.isDisabled || (flags[index] & OVERRIDDEN) !== 0;
    isUsable[index] = isHealthy && !isOut ? 1 : 0;
  }
  const usable = members.filter(({ index }) => isUsable[index] === 1);
  return {
    generation,
    members,
    passes: [...passesOf(members, usable, rules)],
    usable,
    isUsable,
    hasCaps: members.some(({ settings }) => settings.cap !== Infinity),
  };
}

function memberOf(
  { slot, address, incarnation }: SharedMember,
  known: Member | undefined,
  { settings }: ViewRules,
): Member {
  if (known?.slot === slot && known.incarnation === incarnation) return known;
  return new Member(slot, address, incarnation, settings.get(address));
}

/** In their order: the first pass that finds a member decides. Those that cannot find one are left out. */
function* passesOf(
  members: readonly Member[],
  usable: readonly Member[],
  { hasPriorities, minActive, hasPreferred, slowStart }: ViewRules,
): Generator<Pass> {
  const priorities = hasPriorities
    ? [...new Set(members.map(priorityOf))].sort((a, b) => b - a)
    : [0];
  const lowest = priorities[priorities.length - 1];
  const hasBackups = usable.some(({ settings }) => settings.isBackup);
  for (const isStrict of hasPreferred ? [true, false] : [false]) {
    for (const tier of ["primary", "backup", "warming"] as const) {
      if (tier === "backup" && !hasBackups) continue;
      if (tier === "warming" && !slowStart) continue;
      for (const priority of priorities) {
        const found = usable.filter((member) =>
          (tier === "backup" || !member.settings.isBackup) &&
          (!hasPriorities || priorityOf(member) >= priority) &&
          (!isStrict || member.settings.isPreferred)
        );
        if (found.length === 0) continue;
        const has = new Uint8Array(members.length);
        for (const { index } of found) has[index] = 1;
        yield {
          members: found,
          has,
          totalWeight: found.reduce((sum, member) => sum + member.effectiveWeight, 0),
          ignoresSlowStart: tier === "warming",
          minActive: minActive > 1 && priority !== lowest ? minActive : 0,
          name: passName(tier, isStrict, hasPriorities ? priority : undefined),
        };
      }
    }
  }
}

function priorityOf({ settings }: Member): number {
  return settings.priority ?? 0;
}

function passName(tier: string, isStrict: boolean, priority: number | undefined): string {
  const parts = [tier];
  if (isStrict) parts.push("preferred localities");
  if (priority !== undefined) parts.push(`priority ${priority} and above`);
  return parts.join(", ");
}
