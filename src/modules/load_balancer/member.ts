/**
 * A member of a pool as one worker sees it: what the configuration says of it, and where in the shared memory
 * it stands.
 *
 * @module
 */
import { memberKey } from "./memory/fnv.ts";
import type { PoolConfig } from "./table.ts";
import { canonicalAddress } from "./table.ts";

/** What the configuration says of a member; it belongs to its address. */
export interface MemberSettings {
  readonly alias: string;
  readonly tags: readonly string[];
  readonly weight: number;
  readonly priority: number | undefined;
  readonly locality: string;
  readonly isPreferred: boolean;
  /** Most concurrent requests; `Infinity` for no cap. */
  readonly cap: number;
  readonly isBackup: boolean;
  readonly isDrained: boolean;
  readonly isDisabled: boolean;
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

/** Settings of the members that a configuration names, by canonical address. */
export function settingsOf(proxy: PoolConfig): ReadonlyMap<string, MemberSettings> {
  const found = new Map<string, MemberSettings>();
  const backups = addresses(proxy.backup_upstreams);
  const drained = addresses(proxy.drain_upstreams);
  const disabled = addresses(proxy.disabled_upstreams);
  for (const [i, entry] of proxy.upstreams.entries()) {
    const address = canonicalAddress(entry);
    if (address === undefined) continue;
    const locality = proxy.upstream_localities[i] ?? "";
    found.set(address, {
      alias: proxy.upstream_aliases[i] ?? "",
      tags: proxy.upstream_tags[i] ?? [],
      weight: proxy.upstream_weights[i] ?? 1,
      priority: proxy.upstream_priority_groups[i],
      locality,
      isPreferred: proxy.preferred_upstream_localities.includes(locality),
      cap: proxy.upstream_max_in_flight[i] ?? Infinity,
      isBackup: backups.has(address),
      isDrained: drained.has(address),
      isDisabled: disabled.has(address),
    });
  }
  return found;
}

function addresses(entries: readonly string[]): ReadonlySet<string | undefined> {
  return new Set(entries.map(canonicalAddress));
}

/** One member. */
export class Member {
  /** Halves of its key (spec 03 section 1.3). */
  readonly keyHigh: number;
  readonly keyLow: number;
  /** Place among the members, in their order. */
  index = 0;
  /** Its share, with what operators and probes say; set when the pool is looked at. */
  effectiveWeight = 1;

  constructor(
    readonly slot: number,
    readonly address: string,
    readonly incarnation: number,
    readonly settings: MemberSettings = UNSET,
  ) {
    const { high, low } = memberKey(address);
    this.keyHigh = high;
    this.keyLow = low;
  }

  /** As logs and metrics may name it. */
  get name(): string {
    return this.settings.alias === "" ? this.address : this.settings.alias;
  }
}

/** The weight that a member has at last (spec 03 section 6.2). */
export function effectiveWeight(configured: number, override: number, percent: number): number {
  const base = Math.max(1, override > 0 ? Math.min(override, 1000) : configured);
  if (percent <= 0 || percent >= 100) return base;
  return Math.max(1, Math.ceil(base * percent / 100));
}
