/**
 * Paths that a configuration names: resolving them, and refusing those that others could redirect
 * (spec 01 sections 1.3 and 1.4).
 *
 * @module
 */
import { factsOf, mayRead, parentOf, wayTo } from "./file_facts.ts";
import { trustedWayProblem } from "./trusted_way.ts";
import { MODE } from "./file_look.ts";
import { type Schema, type Visited, walk } from "../schema/schema_walk.ts";
import { type PathProblem, whyUnusable } from "./unusable_path.ts";
import { kindOf, type PathRule } from "../schema/values.ts";

const MAX_STEPS = 256;

/** What a process path is checked for, and every path. */
export interface ConfiguredPath {
  readonly rule: PathRule;
  /** Without the prefix that the rule names. */
  readonly text: string;
  readonly found: Visited;
}

/** Every path in `value`, which `schema` describes. */
export function configuredPaths(schema: Schema, value: unknown): ConfiguredPath[] {
  const paths: ConfiguredPath[] = [];
  walk(schema, value, (found) => {
    if (typeof found.value !== "string") return;
    const rule = kindOf(found.schema)?.path;
    if (rule === undefined) return;
    const { prefix = "" } = rule;
    if (!found.value.startsWith(prefix) || found.value === prefix) return;
    paths.push({ rule, text: found.value.slice(prefix.length), found });
  });
  return paths;
}

/** `text` below `directory` unless it is absolute; `.` and doubled slashes go, `..` stays to be refused. */
export function resolvePath(directory: string, text: string): string {
  const whole = text.startsWith("/") ? text : `${directory}/${text}`;
  return `/${whole.split("/").filter((part) => part !== "" && part !== ".").join("/")}`;
}

/**
 * Why `path` must not be used; `undefined` when it is safe. A tail that does not exist yet is fine.
 *
 * Ancestors that the permissions of this process hide are passed over: links among them are found by
 * resolving what it may read; their modes were seen when the configuration was validated.
 */
export function pathProblem(path: string, rule: PathRule): PathProblem | undefined {
  if (path.split("/").includes("..")) {
    return { message: 'is an unsafe path: it has a ".." component' };
  }
  if (rule.links === true) return whyUnusable(path) ?? trustedWayProblem(path);
  return whyUnusable(path) ??
    asProblem(rule.mayBeLinked === true ? undefined : linkProblem(path)) ??
    asProblem(rule.trustedParent ? parentProblem(path) : undefined);
}

function asProblem(message: string | undefined): PathProblem | undefined {
  return message === undefined ? undefined : { message };
}

function linkProblem(path: string): string | undefined {
  const way = wayTo(path);
  if (way.kind === "link") return `is an unsafe path: ${way.at} is or goes through a symbolic link`;
  if (way.kind === "error") return `could not be inspected at ${way.at}: ${way.reason}`;
  return undefined;
}

/** Only the nearest existing ancestor counts; the sticky bit does not help (spec 01 section 1.4). */
function parentProblem(path: string): string | undefined {
  let ancestor = parentOf(path);
  for (let step = 0; step <= MAX_STEPS; step++) {
    if (!mayRead(ancestor)) return undefined;
    const facts = factsOf(ancestor, true);
    if (facts.kind === "error") return `could not be inspected at ${ancestor}: ${facts.reason}`;
    if (facts.kind === "there") {
      if (((facts.info.mode ?? 0) & MODE.othersWrite) === 0) return undefined;
      return `is an unsafe path: ${ancestor} is writable by its group or by everyone; ` +
        `use another directory or run chmod go-w ${ancestor}`;
    }
    if (ancestor === "/") return undefined;
    ancestor = parentOf(ancestor);
  }
  return `is an unsafe path: it has more than ${MAX_STEPS} components`;
}
