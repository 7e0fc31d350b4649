/**
 * Which route of a vhost takes a request: exact path, then longest prefix, then the first regular
 * expression, then the fallback (spec 02 section 4.1). Compiled once a snapshot; a look-up walks a
 * tree of path segments, so its cost does not grow with the number of routes.
 *
 * @module
 */
import { percentDecode, percentEncodeLiteral } from "../../http/percent.ts";
import type { MatchConfig } from "../../config/schema/match_schema.ts";
import type { Captures, Exchange } from "../exchange/exchange.ts";
import { PathPattern, PatternSet } from "./regex.ts";
import { compileCondition, type RouteCondition } from "./route_condition.ts";

/** What the table reads of a route; exactly one matcher is set. */
export interface RouteMatcher {
  readonly name: string;
  readonly path_exact?: string | undefined;
  readonly path_prefix?: string | undefined;
  readonly path_regex?: string | undefined;
  readonly fallback: boolean;
  /** Upper case; empty for all. */
  readonly methods: readonly string[];
  /** What a request must have beside path and method. */
  readonly match?: MatchConfig | undefined;
  /** Not written as a route but made of a table: its prefix goes before all routes that are written. */
  readonly madeOf?: string | undefined;
}

/** The route that takes a request. */
export interface RouteMatch {
  /** Its place in the list the table was made from. */
  readonly index: number;
  /** What the groups of its `path_regex` matched; `undefined` for other matchers. */
  readonly captures: Captures | undefined;
}

/** Why a route takes a request or does not, for `fluxheim explain`. */
export interface RouteVerdict {
  readonly index: number;
  readonly name: string;
  readonly taken: boolean;
  /** `path /a is not under /b`; for the route taken, its matcher. */
  readonly reason: string;
}

/** A route compiled: the match is made beforehand, so that finding it allocates nothing. */
interface Entry {
  readonly match: RouteMatch;
  /** `undefined` for all methods. */
  readonly methods: ReadonlySet<string> | undefined;
  /** `undefined` for all that path and method let pass. */
  readonly condition: RouteCondition | undefined;
}

interface PatternEntry extends Entry {
  readonly pattern: PathPattern;
}

/** A directory of the prefix tree. Entries of one list are in file order. */
interface Node {
  readonly children: Map<string, Node>;
  /** Prefixes that end here without a slash: the directory itself and what is below. */
  readonly here: Entry[];
  /** Prefixes that end here with a slash: only what is below. */
  readonly below: Entry[];
}

/** The routes of one vhost, compiled. */
export class RouteTable {
  readonly #routes: readonly RouteMatcher[];
  readonly #exact = new Map<string, Entry[]>();
  readonly #prefixes = node();
  readonly #patterns: PatternEntry[] = [];
  readonly #patternSet: PatternSet | undefined;
  readonly #fallbacks: Entry[] = [];
  /** Of routes that were made of tables: few, and none in most vhosts. */
  readonly #first: { readonly prefix: string; readonly entry: Entry }[] = [];
  /** The same routes with their paths decoded, if any path is written with escapes. */
  readonly #decoded: RouteTable | undefined;

  /**
   * @param routes In the order of the file.
   * @param isDecoded Whether their paths are to be compared with decoded ones.
   * @throws {TypeError} for a `path_regex` that {@linkcode PathPattern.parse} refuses; a checked
   * configuration has none.
   */
  constructor(routes: readonly RouteMatcher[], isDecoded = false) {
    this.#routes = routes;
    routes.forEach((route, index) => this.#add(route, index));
    if (this.#patterns.length > 0) {
      this.#patternSet = new PatternSet(this.#patterns.map(({ pattern }) => pattern));
    }
    if (!isDecoded && routes.some(hasEscapes)) {
      this.#decoded = new RouteTable(routes.map(decodePaths), true);
    }
  }

  /** Whether a path is written with escapes, so that one without may mean it. */
  get hasEscapes(): boolean {
    return this.#decoded !== undefined;
  }

  /**
   * The route for a request, or `undefined` when the vhost's own actions must answer.
   *
   * @param path A path that `isSafePath` lets pass, without a query.
   * @param exchange For routes with `match`; without it they take nothing.
   */
  match(method: string, path: string, exchange?: Exchange): RouteMatch | undefined {
    return this.matchSpecific(method, path, exchange) ??
      allowing(this.#fallbacks, method, exchange)?.match;
  }

  /** As {@linkcode RouteTable.match}, without the fallback route. */
  matchSpecific(method: string, path: string, exchange?: Exchange): RouteMatch | undefined {
    for (let i = 0; i < this.#first.length; i++) {
      const { prefix, entry } = this.#first[i];
      if (path.startsWith(prefix)) return entry.match;
    }
    if (this.#exact.size > 0) {
      const entries = this.#exact.get(path);
      const entry = entries === undefined ? undefined : allowing(entries, method, exchange);
      if (entry !== undefined) return entry.match;
    }
    return this.#matchPrefix(method, path, exchange) ??
      this.#matchPattern(method, path, exchange);
  }

  /**
   * The routes that guard what a path stands for, whatever escapes the request or the configuration write it
   * with: of the decoded configuration, and of the configuration as it is written, where that is another
   * one. A route that is written with escapes must not hide the guard of the path that it means. Without the
   * fallback route.
   *
   * @param decoded The path, decoded once.
   */
  guardsOf(method: string, decoded: string, exchange?: Exchange): readonly RouteMatch[] {
    const written = this.matchSpecific(method, decoded, exchange);
    // A pattern cannot be decoded: it sees the path in the spelling that RFC 3986 section 6.2.2 prefers.
    const meant = this.#decoded === undefined
      ? undefined
      : this.#decoded.matchSpecific(method, decoded, exchange) ??
        this.#matchPattern(method, percentEncodeLiteral(decoded), exchange);
    if (written === undefined) return meant === undefined ? [] : [meant];
    return meant === undefined || meant.index === written.index ? [written] : [meant, written];
  }

  /** For each route in turn, why it takes this request or does not. */
  explain(method: string, path: string, exchange?: Exchange): readonly RouteVerdict[] {
    const taken = this.match(method, path, exchange)?.index;
    return this.#routes.map((route, index) => ({
      index,
      name: route.name,
      taken: index === taken,
      reason: this.#reason(route, index, method, path, taken, exchange),
    }));
  }

  #add(route: RouteMatcher, index: number): void {
    const entry: Entry = {
      match: { index, captures: undefined },
      methods: route.methods.length === 0 ? undefined : new Set(route.methods),
      condition: compileCondition(route.match),
    };
    if (route.madeOf !== undefined && route.path_prefix !== undefined) {
      this.#first.push({ prefix: route.path_prefix, entry });
    } else if (route.path_exact !== undefined) {
      const entries = this.#exact.get(route.path_exact);
      if (entries === undefined) this.#exact.set(route.path_exact, [entry]);
      else entries.push(entry);
    } else if (route.path_prefix !== undefined) {
      const segments = route.path_prefix.slice(1).split("/");
      const slash = segments.at(-1) === "";
      if (slash) segments.pop();
      let at = this.#prefixes;
      for (const segment of segments) at = childOf(at, segment);
      (slash ? at.below : at.here).push(entry);
    } else if (route.path_regex !== undefined) {
      const pattern = PathPattern.parse(route.path_regex);
      if ("problem" in pattern) throw new TypeError(`${route.path_regex}: ${pattern.problem}`);
      this.#patterns.push({ ...entry, pattern });
    } else {
      this.#fallbacks.push(entry);
    }
  }

  #matchPrefix(
    method: string,
    path: string,
    exchange: Exchange | undefined,
  ): RouteMatch | undefined {
    let best: Entry | undefined;
    let at: Node | undefined = this.#prefixes;
    let slash = 0;
    for (;;) {
      // Here `path[slash]` is a slash. What is found deeper is longer and replaces what was found.
      if (at.below.length > 0) best = allowing(at.below, method, exchange) ?? best;
      if (at.children.size === 0) break;
      const next = path.indexOf("/", slash + 1);
      at = at.children.get(next < 0 ? path.slice(slash + 1) : path.slice(slash + 1, next));
      if (at === undefined) break;
      if (at.here.length > 0) best = allowing(at.here, method, exchange) ?? best;
      if (next < 0) break;
      slash = next;
    }
    return best?.match;
  }

  #matchPattern(
    method: string,
    path: string,
    exchange: Exchange | undefined,
  ): RouteMatch | undefined {
    if (this.#patternSet === undefined) return undefined;
    let first: PatternEntry | undefined;
    for (const index of this.#patternSet.match(path)) {
      const entry = this.#patterns[index];
      if (!allows(entry, method, exchange)) continue;
      if (first === undefined || entry.match.index < first.match.index) first = entry;
    }
    if (first === undefined) return undefined;
    return { index: first.match.index, captures: first.pattern.captures(path) };
  }

  #reason(
    route: RouteMatcher,
    index: number,
    method: string,
    path: string,
    taken: number | undefined,
    exchange: Exchange | undefined,
  ): string {
    const alone = new RouteTable([{ ...route, methods: [], match: undefined }]);
    if (alone.match(method, path) === undefined) return mismatch(route, path);
    if (index === taken) return matcherText(route);
    const ofAnyKind = new RouteTable([{ ...route, match: undefined }]);
    if (ofAnyKind.match(method, path) === undefined) {
      return `takes only ${route.methods.join(", ")}`;
    }
    if (new RouteTable([route]).match(method, path, exchange) === undefined) {
      return `${matcherText(route)} matches, but the request has not what its match asks for`;
    }
    const winner = taken === undefined ? "" : this.#routes[taken].name;
    return `${matcherText(route)} matches, but route ${winner} goes before it`;
  }
}

function hasEscapes({ path_exact, path_prefix, path_regex }: RouteMatcher): boolean {
  return (path_exact ?? path_prefix ?? path_regex ?? "").includes("%");
}

/** A path that is no text when it is decoded stays as it is: a request with such a path is refused. */
function decodePaths(route: RouteMatcher): RouteMatcher {
  const { name, path_exact, path_prefix, path_regex, fallback, methods, match, madeOf } = route;
  return {
    name,
    path_exact: path_exact === undefined ? undefined : percentDecode(path_exact) ?? path_exact,
    path_prefix: path_prefix === undefined ? undefined : percentDecode(path_prefix) ?? path_prefix,
    // Its escapes are part of a pattern's text.
    path_regex,
    fallback,
    methods,
    match,
    madeOf,
  };
}

function matcherText(route: RouteMatcher): string {
  if (route.path_exact !== undefined) return `path_exact ${route.path_exact}`;
  if (route.path_prefix !== undefined) return `path_prefix ${route.path_prefix}`;
  if (route.path_regex !== undefined) return `path_regex ${route.path_regex}`;
  return "fallback";
}

function mismatch(route: RouteMatcher, path: string): string {
  if (route.path_exact !== undefined) return `path is ${path}, not ${route.path_exact}`;
  if (route.path_prefix !== undefined) return `path ${path} is not under ${route.path_prefix}`;
  return `path ${path} has no match of ${route.path_regex}`;
}

function node(): Node {
  return { children: new Map(), here: [], below: [] };
}

function childOf(parent: Node, segment: string): Node {
  let child = parent.children.get(segment);
  if (child === undefined) parent.children.set(segment, child = node());
  return child;
}

function allowing(
  entries: readonly Entry[],
  method: string,
  exchange: Exchange | undefined,
): Entry | undefined {
  for (const entry of entries) if (allows(entry, method, exchange)) return entry;
  return undefined;
}

/** Methods of routes are compared without regard to case, although HTTP's are not (spec 02 section 4). */
function allows(
  { methods, condition }: Entry,
  method: string,
  exchange: Exchange | undefined,
): boolean {
  if (methods !== undefined && !methods.has(method) && !methods.has(method.toUpperCase())) {
    return false;
  }
  return condition === undefined || (exchange !== undefined && condition(exchange));
}
