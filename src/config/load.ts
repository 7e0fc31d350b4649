/**
 * From the argument of `--config` to a frozen configuration, or to everything that is wrong with it:
 * read, parse, merge, take out what absent modules own, resolve paths, check, freeze.
 *
 * @module
 */
import { takeOutAbsent } from "./read/absent.ts";
import { assemble } from "./schema/assemble.ts";
import { applyBuildDefaults } from "./schema/build_defaults.ts";
import { parentOf, serviceUid } from "./read/file_facts.ts";
import { deepFreeze } from "./frozen.ts";
import { implicitVhost, lendUpstream } from "./read/implicit_vhost.ts";
import { formatKey, parseKey } from "./problems/key_path.ts";
import { type Fragment, mergeFragments } from "./read/merge.ts";
import { Origins } from "./read/origins.ts";
import { configuredPaths, pathProblem, resolvePath } from "./read/paths.ts";
import { placeOfMadeRoute, withMadeRoutes } from "./read/made_routes.ts";
import { problemAt } from "./problems/placing.ts";
import { hasErrors } from "./problems/problems.ts";
import { inSpecOrder } from "./problems/problem_order.ts";
import {
  isTable,
  type Path,
  type Schema,
  shapeOf,
  type Table,
  type Visited,
  walk,
} from "./schema/schema_walk.ts";
import { loggingProblems, serverProblems } from "./problems/server_checks.ts";
import { hasFragments, MAX_FILES, readConfD, readSource, type SourceFile } from "./read/source.ts";
import { Taint } from "./problems/taint.ts";
import { parseToml } from "./read/toml.ts";
import type { BuildDefault, Config, Problem, TableSchema } from "./types.ts";
import { validate } from "./validate.ts";
import { vhostProblems } from "./problems/vhost_checks.ts";
import { withoutEffect } from "./problems/without_effect.ts";

/** What loading came to. */
export interface Loaded {
  /** Frozen and structured-cloneable; `undefined` when any problem is more than a warning. */
  readonly config: Config | undefined;
  /** Errors and warnings in spec order (spec 01 section 1.6). */
  readonly problems: readonly Problem[];
  /** Absolute paths of the files that were read, in load order. */
  readonly files: readonly string[];
  /** The same configuration as it would be written: `dump.ts` makes TOML of it. Empty with errors. */
  readonly effective: Readonly<Record<string, unknown>>;
  /** Says of a problem that is found later, on the machine, in which file and line its key stands. */
  place(problem: Problem): Problem;
}

/** Rules of a module that span tables; pure. Keys of its problems are those of the `Config`. */
export type Check = (config: Config) => readonly Problem[];

/** What may differ between the gateway and tools that only look at a configuration. */
export interface LoadOptions {
  /** `false` skips the checks of `server.process` paths, which belong to the machine that will run it. */
  readonly runtimePaths?: boolean;
  /** The user that source files must belong to, besides root; unless given, who this process runs as. */
  readonly uid?: number;
  /** Defaults of the modules in this build, in place of those of the schemas. */
  readonly defaults?: readonly BuildDefault[];
}

/**
 * Loads a file or directory; without one, the built-in defaults.
 *
 * @param tables The tables of the modules in this build.
 * @param checks Their checks, run on whatever part of the configuration is right.
 */
export function loadConfig(
  source: string | undefined,
  tables: readonly TableSchema[],
  checks: readonly Check[],
  options: LoadOptions = {},
): Promise<Loaded> {
  return new Promise((resolve) => resolve(loadFiles(source, tables, checks, options)));
}

/**
 * Loads one text as if it were in `file`, which need not exist: relative paths start at its directory.
 */
export function loadText(
  text: string,
  tables: readonly TableSchema[],
  checks: readonly Check[] = [],
  { file = "/fluxheim.toml", ...options }: LoadOptions & { readonly file?: string } = {},
): Loaded {
  const reading = new Reading();
  reading.parse({ path: file, text });
  return evaluate(reading, tables, checks, options);
}

function loadFiles(
  source: string | undefined,
  tables: readonly TableSchema[],
  checks: readonly Check[],
  options: LoadOptions,
): Loaded {
  const reading = new Reading();
  if (source === undefined) return evaluate(reading, tables, checks, options);
  const trust = { uid: options.uid ?? serviceUid() };
  const { files, problems, confD } = readSource(source, trust);
  reading.problems.push(...problems);
  for (const file of files) reading.parse(file);
  const wanted = reading.fragments[0]?.table.include_conf_d;
  if (confD !== undefined && wanted === undefined && hasFragments(confD)) {
    reading.problems.push({
      key: "include_conf_d",
      message: `is not set, so the files of ${confD} are not loaded`,
      hint: "write include_conf_d = true above the first table, or false to say that this is meant",
      file: files[0]?.path,
      warning: true,
    });
  }
  if (confD !== undefined && wanted === true) {
    const more = readConfD(confD, trust, MAX_FILES);
    reading.problems.push(...more.problems);
    for (const file of more.files) reading.parse(file);
  }
  return evaluate(reading, tables, checks, options);
}

/** Files on their way to becoming one configuration. */
class Reading {
  readonly origins = new Origins();
  readonly fragments: Fragment[] = [];
  readonly problems: Problem[] = [];
  readonly files: string[] = [];

  parse({ path, text }: SourceFile): void {
    this.files.push(path);
    const parsed = parseToml(text, path, this.origins);
    if (parsed.ok) this.fragments.push({ file: path, table: parsed.table });
    else this.problems.push(parsed.problem);
  }
}

function evaluate(
  reading: Reading,
  tables: readonly TableSchema[],
  checks: readonly Check[],
  options: LoadOptions,
): Loaded {
  const { origins, files } = reading;
  const refused = (problems: readonly Problem[]): Loaded => {
    return { config: undefined, problems, files, effective: {}, place: (problem) => problem };
  };
  // What is in a file that could not be read or parsed would be missed by everything below.
  if (hasErrors(reading.problems)) return refused(reading.problems);

  const schema = assemble(tables);
  const { table: root, problems: mergeProblems } = mergeFragments(
    reading.fragments,
    schema,
    tables,
    origins,
  );
  const implicit = !Array.isArray(root.vhosts) || root.vhosts.length === 0;
  const taint = new Taint();
  const problems = [
    ...reading.problems,
    ...mergeProblems,
    ...takeOutAbsent(schema, root, origins, taint),
  ];
  problems.push(...takeOutDates(schema, root, origins));
  applyBuildDefaults(root, options.defaults ?? []);
  resolvePaths(schema, root, origins);
  if (implicit) lendUpstream(schema, root);

  const { value, problems: wrong } = validate(schema, root, origins, taint);
  problems.push(...wrong);
  if (value === undefined) return refused(inSpecOrder(problems, schema));
  delete value.include_conf_d;
  if (implicit) delete value.vhosts;
  const config = asConfig(
    implicit
      ? { ...value, vhosts: [implicitVhost(schema, value)] }
      : withMadeRoutes(schema, tables, value),
  );

  if (!implicit) problems.push(...withoutVhosts(tables, root, origins));
  problems.push(...withoutEffect(schema, root, origins));

  const late = [...unsafePaths(schema, value, options)];
  for (const check of [serverProblems, loggingProblems, vhostProblems, ...checks]) {
    late.push(...check(config));
  }
  for (const problem of late) {
    const placed = place(placeOfMadeRoute(problem, config), root, origins, implicit);
    const about = (problem.about ?? []).map((key) => {
      const made = placeOfMadeRoute({ ...problem, key }, config);
      return origins.locate(root, written(parseKey(made.key), implicit)).path;
    });
    if (!taint.explains(parseKey(placed.key), about)) problems.push(placed);
  }
  const ordered = inSpecOrder(problems, schema);
  if (hasErrors(ordered)) return refused(ordered);
  return {
    config: deepFreeze(config),
    problems: ordered,
    files,
    effective: deepFreeze(value),
    place(problem) {
      const placed = place(placeOfMadeRoute(problem, config), root, origins, implicit);
      // Some keys are of the command line and are in no file.
      return placed.file === undefined ? problem : placed;
    },
  };
}

/** Relative paths start at the directory of the file they are in (spec 01 section 1.3). */
function resolvePaths(schema: Schema, root: Table, origins: Origins): void {
  for (const { rule, text, found: { parent, path } } of configuredPaths(schema, root)) {
    const key = path[path.length - 1];
    const file = origins.locate(root, path).origin?.file;
    if (parent === undefined || file === undefined) continue;
    const absolute = (rule.prefix ?? "") + resolvePath(parentOf(file), text);
    if (Array.isArray(parent)) parent[Number(key)] = absolute;
    else parent[key] = absolute;
  }
}

/** A date where a table belongs would pass for an empty table, since it is an object too. */
function takeOutDates(schema: Schema, root: Table, origins: Origins): Problem[] {
  const found: Visited[] = [];
  walk(schema, root, (visited) => {
    const table = visited.value instanceof Date && shapeOf(visited.schema).kind !== "value";
    if (table) found.push(visited);
  });
  return found.map(({ parent, path }) => {
    const problem = problemAt(root, origins, path, "must be a table or a list; found a date-time");
    if (parent !== undefined) origins.remove(parent, path[path.length - 1]);
    return problem;
  });
}

function unsafePaths(schema: Schema, value: unknown, { runtimePaths }: LoadOptions): Problem[] {
  return configuredPaths(schema, value).flatMap(({ rule, text, found }): Problem[] => {
    if (rule.process && runtimePaths === false) return [];
    const wrong = pathProblem(text, rule);
    if (wrong === undefined) return [];
    return [{ ...wrong, key: formatKey(found.path), message: `${wrong.message} (${text})` }];
  });
}

/** Root tables that belong to the vhost that there would be without `[[vhosts]]`. */
function* withoutVhosts(
  tables: readonly TableSchema[],
  root: Table,
  origins: Origins,
): Generator<Problem> {
  for (const { table: name, scopes, withoutVhosts } of tables) {
    if (withoutVhosts !== true || !scopes.includes("root")) continue;
    const table = root[name];
    if (!isTable(table) || origins.get(root, name) === undefined) continue;
    // A table that is off has none in any place.
    if (Object.keys(table).length === 0 || table.enabled === false) continue;
    const message = "has no effect beside [[vhosts]]: no vhost inherits it";
    const hint = `move it into the vhosts it is for, as [vhosts.${name}]`;
    yield { ...problemAt(root, origins, [name], message, hint), warning: true };
  }
}

/** Without `[[vhosts]]`, what is in the one there is was written at the root. */
function written(path: Path, implicit: boolean): Path {
  return implicit && path[0] === "vhosts" && path[1] === 0 ? path.slice(2) : path;
}

/** Says where in the files a problem with the checked configuration comes from. */
function place(problem: Problem, root: Table, origins: Origins, implicit: boolean): Problem {
  const path = written(parseKey(problem.key), implicit);
  return { ...problemAt(root, origins, path, problem.message, problem.hint), ...given(problem) };
}

function given({ file, line, warning, security }: Problem): Partial<Problem> {
  return {
    ...(file === undefined ? {} : { file, line }),
    ...(warning === undefined ? {} : { warning }),
    ...(security === undefined ? {} : { security }),
  };
}

/**
 * The one place where data becomes `Config`: the schemas of this build have just checked it, and the
 * interfaces that modules merge into `Config` are those schemas' outputs. TypeScript cannot see a list
 * of schemas as one type.
 */
function asConfig(value: Table): Config {
  return value as unknown as Config;
}
