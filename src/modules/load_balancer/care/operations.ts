/**
 * What operators do to a running pool (spec 03 section 16): state and weight of a member, adding, removing and
 * moving members, clearing sessions. Each gives the status and the JSON that the admin API answers with.
 *
 * @module
 */
import type { Plain } from "../../../gateway/threads/thread.ts";
import type { Member } from "../member.ts";
import {
  DISABLED,
  DRAINED,
  FORCED_DOWN,
  MAX_MEMBERS,
  type SharedPool,
} from "../memory/pool_memory.ts";
import type { SelectionPolicy } from "../selection/selection.ts";
import type { Sessions } from "../memory/session_memory.ts";
import { canonicalAddress, type PoolTable } from "../table.ts";
import type { View } from "./view.ts";

/** An answer: a status of HTTP, and the body. */
export interface Reply {
  readonly status: number;
  readonly body: { readonly [key: string]: Plain };
  /** Suffix of the event that is counted: `member_state`, `member_state_invalid`. `""` for none. */
  readonly event: string;
  /** Alias or address of the member, for the log and for metrics. */
  readonly member?: string;
}

/** What an operation works on. */
export interface OperationContext {
  readonly table: PoolTable;
  readonly shared: SharedPool;
  readonly view: View;
  readonly sessions: Sessions | undefined;
  readonly policy: SelectionPolicy;
  readonly now: number;
  readonly isPersistent: boolean;
  /** Whether the edge workers may dial an address. */
  mayDial(address: string): boolean;
}

/** Parameters as the admin API hands them over. */
export type Input = Readonly<Record<string, unknown>>;

const MAX_MEMBER_BYTES = 256;

/** States by the words that they are asked for with. */
const STATES: Readonly<Record<string, readonly [reported: string, flag: number]>> = {
  ...words("normal", 0, ["normal", "enable", "enabled"]),
  ...words("drained", DRAINED, ["drain", "drained"]),
  ...words("disabled", DISABLED, ["disable", "disabled"]),
  ...words("forced_down", FORCED_DOWN, [
    "down",
    "force-down",
    "force_down",
    "forced-down",
    "forced_down",
  ]),
  ...words("manual_resume", 0, ["resume", "resumed", "manual-resume", "manual_resume"]),
};

function words(
  reported: string,
  flag: number,
  names: readonly string[],
): Record<string, readonly [string, number]> {
  return Object.fromEntries(names.map((name) => [name, [reported, flag] as const]));
}

/** Takes a member out of selection, or gives it back. */
export function memberState(context: OperationContext, input: Input): Reply {
  const name = text(input, "member");
  const word = text(input, "state");
  if (name === undefined) return invalid("member is missing or not one", "");
  if (word === undefined) return invalid("state is missing", "");
  const state = Object.hasOwn(STATES, word.toLowerCase()) ? STATES[word.toLowerCase()] : undefined;
  if (state === undefined) return invalid("state is not known", "member_state_invalid");
  const member = find(context, name);
  if (member === undefined) return unknownMember("member_state_not_found");
  const [reported, flag] = state;
  const { shared, now } = context;
  shared.setOverride(member.slot, flag, unixSecs());
  if (reported === "manual_resume") shared.resume(member.slot, now);
  return done(context, "member_state", member, { state: reported });
}

/** Gives a member another weight, or the configured one. */
export function memberWeight(context: OperationContext, input: Input): Reply {
  const name = text(input, "member");
  const word = text(input, "weight");
  if (name === undefined) return invalid("member is missing or not one", "");
  if (word === undefined) return invalid("weight is missing", "");
  const { policy, shared } = context;
  const weight = isReset(word) ? 0 : weightIn(word);
  if (weight === undefined) {
    return invalid("weight must be from 1 to 1000", "member_weight_invalid");
  }
  if (!policy.takesWeights) {
    return invalid("the selection of this pool takes no weights", "member_weight_invalid");
  }
  const member = find(context, name);
  if (member === undefined) return unknownMember("member_weight_not_found");
  shared.setWeight(member.slot, weight, unixSecs());
  return done(context, "member_weight", member, {
    configured_weight: member.settings.weight,
    effective_weight: weight === 0 ? member.settings.weight : weight,
    runtime_weight_override: weight === 0 ? null : weight,
  });
}

/** Adds a member. */
export function memberAdd(context: OperationContext, input: Input): Reply {
  const refused = refusedSet(context);
  if (refused !== undefined) return refused;
  const name = text(input, "member");
  const word = text(input, "weight");
  if (name === undefined) return invalid("member is missing or not one", "");
  const address = canonicalAddress(name);
  const weight = word === undefined ? 1 : weightIn(word);
  if (address === undefined) return invalid("member must be an address and a port", SET_INVALID);
  if (weight === undefined || isUnusable(input, "weight")) {
    return invalid("weight must be from 1 to 1000", SET_INVALID);
  }
  if (weight !== 1 && !context.policy.takesWeights) {
    return invalid("the selection of this pool takes no weights", SET_INVALID);
  }
  const { view: { members }, shared } = context;
  if (members.some((member) => member.address === address)) {
    return conflict("the member is there already");
  }
  if (members.length >= MAX_MEMBERS) return invalid("the pool is full", "member_set_blocked");
  if (!context.mayDial(address)) return outside();
  if (!shared.setMembers([...members.map((member) => member.address), address], true)) {
    return unavailable();
  }
  const slot = shared.slotOf(address);
  if (word !== undefined && context.policy.takesWeights) {
    shared.setWeight(slot, weight, unixSecs());
  }
  return changed(context, "added", { member: address, address, weight, previous: null });
}

/** Removes a member that serves no request. */
export function memberRemove(context: OperationContext, input: Input): Reply {
  const refused = refusedSet(context);
  if (refused !== undefined) return refused;
  const name = text(input, "member");
  if (name === undefined) return invalid("member is missing or not one", "");
  const member = find(context, name);
  if (member === undefined) return unknownMember("member_set_not_found");
  const { view: { members }, shared } = context;
  if (members.length === 1) {
    return invalid("the last member cannot be removed", "member_set_blocked");
  }
  if (shared.inFlight(member.slot) > 0) return conflict("requests are in flight to the member");
  const left = members.filter((other) => other !== member).map(({ address }) => address);
  if (!shared.setMembers(left, true)) return unavailable();
  const { address, settings: { weight } } = member;
  return changed(context, "removed", { member: member.name, address, weight, previous: null });
}

/** Gives a member another weight, another address, or both. */
export function memberUpdate(context: OperationContext, input: Input): Reply {
  const refused = refusedSet(context);
  if (refused !== undefined) return refused;
  const name = text(input, "member");
  if (name === undefined) return invalid("member is missing or not one", "");
  const word = text(input, "weight");
  const to = text(input, "new_member") ?? text(input, "address");
  const weight = word === undefined ? undefined : weightIn(word);
  if (word !== undefined && weight === undefined || isUnusable(input, "weight")) {
    return invalid("weight must be from 1 to 1000", SET_INVALID);
  }
  const address = to === undefined ? undefined : canonicalAddress(to);
  const isGiven = to !== undefined || isUnusable(input, "new_member") ||
    isUnusable(input, "address");
  if (isGiven && address === undefined) {
    return invalid("the new member must be an address and a port", SET_INVALID);
  }
  const member = find(context, name);
  if (member === undefined) return unknownMember("member_set_not_found");
  const { shared, view: { members }, policy } = context;
  const isMoved = address !== undefined && address !== member.address;
  const isWeighed = weight !== undefined && weight !== member.effectiveWeight;
  if (!isMoved && !isWeighed) return invalid("nothing would change", SET_INVALID);
  if (isWeighed && !policy.takesWeights) {
    return invalid("the selection of this pool takes no weights", SET_INVALID);
  }
  if (isMoved) {
    if (member.settings.alias !== "") {
      return invalid("a member with an alias keeps its address", SET_INVALID);
    }
    if (members.some((other) => other.address === address)) {
      return conflict("the member is there already");
    }
    if (shared.inFlight(member.slot) > 0) return conflict("requests are in flight to the member");
    if (!context.mayDial(address)) return outside();
    const next = members.map((other) => other === member ? address : other.address);
    if (!shared.setMembers(next, true)) return unavailable();
  }
  const now = isMoved ? address : member.address;
  if (weight !== undefined && policy.takesWeights) {
    shared.setWeight(shared.slotOf(now), weight, unixSecs());
  }
  return changed(context, "updated", {
    member: member.address,
    address: now,
    weight: weight ?? member.settings.weight,
    previous: member.address,
  });
}

/** Forgets the sessions of a pool. */
export function clearSessions(context: OperationContext): Reply {
  const cleared = context.sessions?.clear() ?? 0;
  return {
    status: 200,
    event: "persistence_clear",
    body: {
      status: "ok",
      ...scopeOf(context.table),
      cleared_entries: cleared,
      persistent: context.isPersistent,
    },
  };
}

const SET_INVALID = "member_set_invalid";

/** An error of an operation. */
export function failed(status: number, error: string, event: string): Reply {
  return { status, event, body: { status: "error", error } };
}

function invalid(error: string, event: string): Reply {
  return failed(400, error, event);
}

function unknownMember(event: string): Reply {
  return failed(404, "the pool has no such member", event);
}

function conflict(error: string): Reply {
  return failed(409, error, "member_set_conflict");
}

function unavailable(): Reply {
  return failed(503, "the members cannot be changed at the moment", "member_set_blocked");
}

/** Edge workers dial what they were started for: other addresses need a process that may. */
function outside(): Reply {
  const reply = failed(409, "process_upgrade_required", "member_set_conflict");
  return { ...reply, body: { ...reply.body, reasons: ["permissions-changed"] } };
}

/** Why a pool's members cannot be changed by hand. */
function refusedSet({ table: { kind }, policy }: OperationContext): Reply | undefined {
  if (kind !== "static") return invalid("the members of this pool are discovered", SET_INVALID);
  if (!policy.takesMembers) {
    return invalid("the selection of this pool takes no other members", SET_INVALID);
  }
  return undefined;
}

function done(
  context: OperationContext,
  event: string,
  member: Member,
  more: Record<string, Plain>,
): Reply {
  const { address, settings: { alias } } = member;
  return {
    status: 200,
    event,
    member: member.name,
    body: {
      status: "ok",
      ...scopeOf(context.table),
      member: member.name,
      ...more,
      address,
      alias: alias === "" ? null : alias,
      persistent: context.isPersistent,
    },
  };
}

function changed(
  { table, shared }: OperationContext,
  operation: "added" | "removed" | "updated",
  { member, address, weight, previous }: {
    readonly member: string;
    readonly address: string;
    readonly weight: number;
    readonly previous: string | null;
  },
): Reply {
  const events = { added: "member_add", removed: "member_remove", updated: "member_update" };
  return {
    status: 200,
    event: events[operation],
    member,
    body: {
      status: "ok",
      ...scopeOf(table),
      operation,
      member,
      address,
      alias: null,
      configured_weight: weight,
      backend_count: shared.members().length,
      previous_address: previous,
      persistent: false,
    },
  };
}

function scopeOf({ scope: { vhost, route } }: PoolTable): Record<string, Plain> {
  return {
    vhost: vhost.name,
    route: route?.name ?? null,
    scope: route === undefined ? "vhost" : "route",
  };
}

function find({ view: { members } }: OperationContext, name: string): Member | undefined {
  const address = canonicalAddress(name);
  const lower = name.toLowerCase();
  return members.find((member) => member.address === address) ??
    members.find(({ settings: { alias } }) => alias !== "" && alias.toLowerCase() === lower);
}

function text(input: Input, key: string): string | undefined {
  const value = input[key];
  if (typeof value !== "string") return undefined;
  const trimmed = value.trim();
  return trimmed === "" || trimmed.length > MAX_MEMBER_BYTES || /\s/.test(trimmed)
    ? undefined
    : trimmed;
}

/** Whether a value was given that cannot be used. */
function isUnusable(input: Input, key: string): boolean {
  return input[key] !== undefined && text(input, key) === undefined;
}

function isReset(word: string): boolean {
  return ["default", "reset", "clear", "configured"].includes(word.toLowerCase());
}

function weightIn(word: string): number | undefined {
  if (!/^\d{1,4}$/.test(word)) return undefined;
  const weight = Number(word);
  return weight >= 1 && weight <= 1000 ? weight : undefined;
}

function unixSecs(): number {
  return Math.floor(Date.now() / 1000);
}
