/** The status of a pool as JSON (spec 03 section 18). @module */
import type { Plain } from "../../../gateway/threads/thread.ts";
import type { DiscoveryStatus } from "../discovery/refresh.ts";
import type { Member } from "../member.ts";
import {
  DISABLED,
  DRAINED,
  FORCED_DOWN,
  type SharedPool,
  UNHEALTHY,
} from "../memory/pool_memory.ts";
import type { Sessions } from "../memory/session_memory.ts";
import type { SlowStart } from "../memory/slow_start.ts";
import type { PoolTable } from "../table.ts";
import type { View } from "./view.ts";

/** What a status is made of. */
export interface StatusContext {
  readonly table: PoolTable;
  readonly shared: SharedPool;
  readonly view: View;
  readonly sessions: Sessions | undefined;
  readonly slowStart: SlowStart | undefined;
  readonly discovery: DiscoveryStatus;
  readonly now: number;
}

const OVERRIDES = [[DRAINED, "drained"], [DISABLED, "disabled"], [
  FORCED_DOWN,
  "forced_down",
]] as const;

/** The word for an override, or `null`. */
export function overrideName(flags: number): "drained" | "disabled" | "forced_down" | null {
  return OVERRIDES.find(([flag]) => (flags & flag) !== 0)?.[1] ?? null;
}

/** The status of one pool. */
export function poolStatus(context: StatusContext): Plain {
  const { table, shared, view, sessions, discovery } = context;
  const { proxy, kind } = table;
  const policy = proxy.load_balance;
  const { health_check: health, persistence, queue, retry } = policy;
  const members = view.members.map((member) => memberStatus(context, member));
  const count = (holds: (one: MemberStatus) => boolean): number => members.filter(holds).length;
  const override = (name: string): number => count((one) => one.runtime_state_override === name);
  const available = members.filter((one) => one.isAvailable);
  return {
    discovery_mode: kind,
    discovery: {
      mode: kind,
      refresh_enabled: kind !== "static",
      update_frequency_secs: frequencyOf(table),
      success_count: discovery.successCount,
      failure_count: discovery.failureCount,
      last_success_unix_secs: discovery.lastSuccess ?? null,
      last_failure_unix_secs: discovery.lastFailure ?? null,
      last_error: discovery.lastError ?? null,
    },
    selection: policy.selection,
    backend_count: members.length,
    ready_backend_count: count((one) => one.ready),
    available_backend_count: available.length,
    primary_available_backend_count: available.filter((one) => !one.backup).length,
    backup_available_backend_count: available.filter((one) => one.backup).length,
    drained_backend_count: count((one) => one.drained),
    disabled_backend_count: count((one) => one.disabled),
    runtime_overridden_backend_count: count((one) => one.runtime_state_override !== null),
    runtime_drained_backend_count: override("drained"),
    runtime_disabled_backend_count: override("disabled"),
    runtime_forced_down_backend_count: override("forced_down"),
    passive_ejected_backend_count: count((one) => one.passive_ejected),
    circuit_open_backend_count: count((one) => one.passive_ejected),
    saturated_backend_count: count((one) =>
      one.max_in_flight !== null && one.in_flight >= one.max_in_flight
    ),
    max_iterations: policy.max_iterations,
    all_down_status: policy.all_down_status,
    health_check_enabled: health.enabled,
    parallel_health_check: health.parallel,
    health_check_protocol: health.enabled ? health.protocol : null,
    health_check_frequency_secs: health.enabled ? health.interval_secs : null,
    passive_health_enabled: policy.passive_health.enabled,
    slow_start_enabled: policy.slow_start.enabled,
    persistence_enabled: persistence.enabled,
    passive_health: plain(policy.passive_health),
    slow_start: plain(policy.slow_start),
    persistence: {
      enabled: persistence.enabled,
      mode: persistence.mode,
      header: persistence.header ?? null,
      cookie: persistence.cookie ?? null,
      ttl_secs: persistence.ttl_secs,
      table_max_entries: persistence.table_max_entries,
      entry_count: sessions?.size ?? 0,
    },
    queue: {
      enabled: queue.max_waiting > 0,
      max_waiting: queue.max_waiting,
      timeout_ms: queue.timeout_ms,
      retry_interval_ms: queue.retry_interval_ms,
      waiting: shared.waiting,
    },
    retry: plain(retry),
    backends: members.map(({ isAvailable: _, ...shown }) => shown),
  };
}

interface MemberStatus {
  readonly [key: string]: Plain;
  readonly isAvailable: boolean;
  readonly ready: boolean;
  readonly backup: boolean;
  readonly drained: boolean;
  readonly disabled: boolean;
  readonly runtime_state_override: string | null;
  readonly passive_ejected: boolean;
  readonly max_in_flight: number | null;
  readonly in_flight: number;
}

function memberStatus(
  { table: { proxy }, shared, view, sessions, slowStart, now }: StatusContext,
  member: Member,
): MemberStatus {
  const { slot, settings, address } = member;
  const policy = proxy.load_balance;
  const flags = shared.flags(slot);
  const name = overrideName(flags);
  const passive = policy.passive_health.enabled;
  const left = passive ? shared.ejectionLeft(slot, now) : 0;
  const inFlight = shared.inFlight(slot);
  const isPermitted = slowStart?.counts(member, now) ?? true;
  const weight = shared.weight(slot);
  const failures = shared.failures(slot);
  const latency = shared.latency(slot);
  return {
    isAvailable: view.isUsable[member.index] === 1 && left === 0 && isPermitted &&
      inFlight < settings.cap,
    address,
    alias: settings.alias === "" ? null : settings.alias,
    tags: settings.tags,
    weight: settings.weight,
    effective_weight: member.effectiveWeight,
    health_weight_percent: shared.healthPercent(slot) || null,
    runtime_weight_override: weight || null,
    runtime_weight_changed_at_unix_secs: weight === 0 ? null : shared.weightAt(slot),
    locality: settings.locality === "" ? null : settings.locality,
    locality_preferred: settings.isPreferred,
    ready: (flags & UNHEALTHY) === 0 && !settings.isDisabled,
    backup: settings.isBackup,
    drained: settings.isDrained || name === "drained",
    disabled: settings.isDisabled || name === "disabled" || name === "forced_down",
    runtime_state_override: name,
    runtime_state_changed_at_unix_secs: name === null ? null : shared.overrideAt(slot),
    persistence_entry_count: sessions?.count(slot) ?? 0,
    priority_group: settings.priority ?? null,
    max_in_flight: settings.cap === Infinity ? null : settings.cap,
    in_flight: inFlight,
    passive_ejected: left > 0,
    circuit_state: left > 0 ? "open" : passive && shared.trials(slot) > 0 ? "half_open" : "closed",
    passive_consecutive_failures: passive ? failures : null,
    passive_ejection_remaining_secs: left > 0 ? Math.ceil(left / 100) : null,
    slow_start_permitting: isPermitted,
    latency_micros: policy.selection === "least-time" ? latency : null,
  };
}

function frequencyOf({ proxy, kind }: PoolTable): number | null {
  switch (kind) {
    case "static":
      return null;
    case "file":
      return proxy.upstreams_file_refresh_secs;
    case "http":
      return proxy.upstreams_http_refresh_secs;
    case "dns":
      return proxy.upstream_dns_refresh_secs ?? null;
  }
}

/** A table of the configuration as it stands. */
function plain(table: Readonly<Record<string, unknown>>): Plain {
  return JSON.parse(JSON.stringify(table));
}
