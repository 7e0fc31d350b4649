/**
 * Whether a changed configuration can be applied to the running process (spec 01 section 7.2).
 * Pure: both configurations in, a class and its reasons out.
 *
 * Every table says itself what a change of it asks for: a module's beside its schema, the gateway's own in the
 * catalog. A key that no table speaks of was fixed when the process
 * started, so a difference there needs a restart.
 *
 * @module
 */
import { CORE_TABLES } from "../../catalog/tables.ts";
import { RELOAD_REASONS, type ReloadReason } from "../../catalog/types.ts";
import type {
  Config,
  ReloadRule,
  TableReload,
  TableSchema,
  TableScope,
} from "../../config/types.ts";
import { at, equal, type Path } from "./compare.ts";

export type { ReloadReason } from "../../catalog/types.ts";

/** `noop`: equal. `snapshot`: can be applied live. `process-upgrade`: needs a restart. */
export type ReloadImpact = "noop" | "snapshot" | "process-upgrade";

/** The class of a change and, for `process-upgrade`, all its reasons in table order. */
export interface ReloadClass {
  readonly impact: ReloadImpact;
  readonly reasons: readonly ReloadReason[];
}

/**
 * Says how the change from `running` to `next` can be applied.
 *
 * @param tables Those of the modules in this build, which say what a change of them asks for.
 */
export function classifyReload(
  running: Config,
  next: Config,
  tables: readonly TableSchema[],
): ReloadClass {
  if (equal(running, next)) return { impact: "noop", reasons: [] };
  const rules = [...rulesOf(tables)];
  const found = new Set<ReloadReason>();
  for (const rule of rules) {
    if (rule.reload !== "live" && changed(running, next, rule)) found.add(rule.reload);
  }
  if (unclassifiedDiffers(running, next, rules)) found.add("unclassified-process-state-changed");
  const reasons = RELOAD_REASONS.filter((reason) => found.has(reason));
  return { impact: reasons.length === 0 ? "snapshot" : "process-upgrade", reasons };
}

/** What a change at one place asks for. */
interface Rule {
  /** Below the root, or below each vhost and route. */
  readonly path: Path;
  readonly scopes: readonly TableScope[];
  readonly reload: ReloadRule;
  /** What of a table counts, where that is not all of it. */
  readonly view?: (table: unknown) => unknown;
}

/** A table and what it says. */
interface Declared {
  readonly table: string;
  readonly scopes: readonly TableScope[];
  readonly reload?: TableReload;
}

/** The rules of this build's tables and of the gateway's own. */
function* rulesOf(tables: readonly TableSchema[]): Generator<Rule> {
  const core = CORE_TABLES.map((own): Declared => ({ ...own, scopes: ["root"] }));
  for (const declared of [...core, ...tables]) yield* rulesOfTable(declared);
}

function* rulesOfTable({ table, scopes, reload }: Declared): Generator<Rule> {
  const path = table.split(".");
  if (reload === undefined) {
    // At the root whatever no rule names is unclassified.
    const inside = scopes.filter((scope) => scope !== "root");
    yield { path, scopes: inside, reload: "unclassified-process-state-changed" };
  } else if (typeof reload === "string") {
    yield { path, scopes, reload };
  } else if ("keys" in reload) {
    for (const [key, rule] of Object.entries(reload.keys)) {
      yield { path: [...path, key], scopes, reload: rule };
    }
  } else {
    yield { path, scopes, reload: "live" };
    yield { path, scopes, reload: reload.reason, view: reload.view };
  }
}

function changed(running: Config, next: Config, { path, scopes, view }: Rule): boolean {
  if (scopes.includes("root")) {
    const differ = view === undefined
      ? differs(running, next, path)
      : !equal(view(at(running, path)), view(at(next, path)));
    if (differ) return true;
  }
  if (!scopes.includes("vhost") && !scopes.includes("route")) return false;
  const own = (config: Config) => insideVhosts(config, scopes, path, view);
  return !equal(own(running), own(next));
}

/** What is at `path` in each vhost and route where it is on, with their names, in order. */
function insideVhosts(
  config: Config,
  scopes: readonly TableScope[],
  path: Path,
  view: Rule["view"],
): unknown {
  const found: unknown[] = [];
  const look = (name: readonly string[], tables: unknown): void => {
    const table = at(tables, path);
    if (isOff(table)) return;
    const value = view === undefined ? table : view(table);
    if (value !== undefined) found.push([name, value]);
  };
  for (const vhost of config.vhosts) {
    if (scopes.includes("vhost")) look([vhost.name], vhost);
    if (!scopes.includes("route")) continue;
    for (const route of vhost.routes) look([vhost.name, route.name], route);
  }
  return found;
}

/**
 * Whether what is at `path` has changed. A table that is switched off is as good as none, whatever else
 * it says; of one that is switched on or off its switch has changed and nothing else.
 */
function differs(running: Config, next: Config, path: Path): boolean {
  for (let length = 1; length < path.length; length++) {
    const table = path.slice(0, length);
    const [before, after] = [at(running, table), at(next, table)];
    if (isOff(before) && isOff(after)) return false;
    if ((isOff(before) && isOn(after)) || (isOn(before) && isOff(after))) {
      return length === path.length - 1 && path[length] === SWITCH;
    }
  }
  const [before, after] = [at(running, path), at(next, path)];
  return !equal(before, after) && !(isOff(before) && isOff(after));
}

const SWITCH = "enabled";

function isOn(table: unknown): boolean {
  return at(table, [SWITCH]) === true;
}

function isOff(table: unknown): boolean {
  return table === undefined || at(table, [SWITCH]) === false;
}

/** Compares, one level into each table, every key that no rule names. */
function unclassifiedDiffers(running: Config, next: Config, rules: readonly Rule[]): boolean {
  const classified = rules.filter(({ scopes }) => scopes.includes("root")).map(({ path }) => path);
  const whole = new Set(classified.filter((path) => path.length === 1).map(([table]) => table));
  const keys = new Set(classified.map((path) => path.join(".")));
  for (const table of keysOf(running, next)) {
    if (whole.has(table)) continue;
    const [before, after] = [at(running, [table]), at(next, [table])];
    if (isOff(before) && isOff(after)) continue;
    for (const key of keysOf(before, after)) {
      if (keys.has(`${table}.${key}`)) continue;
      if (differs(running, next, [table, key])) return true;
    }
    if (keysOf(before, after).length === 0 && !equal(before, after)) return true;
  }
  return false;
}

function keysOf(a: unknown, b: unknown): string[] {
  const keys = new Set<string>();
  for (const value of [a, b]) {
    if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) keys.add(key);
    }
  }
  return [...keys];
}
