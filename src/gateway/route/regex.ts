/**
 * Operators' regular expressions over request paths (spec 02 section 4.3). They run on an engine whose
 * time is linear in the path, because the native one backtracks and a client chooses the path.
 *
 * @module
 */
import { RE2JS, RE2JSException, RE2Set } from "re2js";
import type { Captures } from "../exchange/exchange.ts";

/** Longest pattern, in bytes of UTF-8. */
const MAX_PATTERN_BYTES = 4096;
/**
 * Most instructions of a compiled pattern, about 1 MiB of memory. Any pattern without counted
 * repetition fits. Time grows with this number: at the bound, the worst path of 8 KiB takes a few
 * tenths of a second.
 */
const MAX_INSTRUCTIONS = 5000;
/** Memory for the states that the patterns of one vhost have been seen in; past it they are dropped. */
const MAX_STATE_BYTES = 1024 * 1024;
/** `{route.regex.0}` to `{route.regex.15}`. */
const MAX_CAPTURES = 16;
/** A longer capture counts as absent. */
const MAX_CAPTURE_BYTES = 256;
const MAX_GROUP_NAME_BYTES = 64;

const encoder = new TextEncoder();

/** A pattern that cannot be used, in words that follow "must be a regular expression:". */
export interface PatternProblem {
  readonly problem: string;
}

/** One compiled pattern. */
export class PathPattern {
  readonly #regex: RE2JS;

  private constructor(readonly text: string, regex: RE2JS) {
    this.#regex = regex;
  }

  /** Compiles `text`, or says why it cannot be used. */
  static parse(text: string): PathPattern | PatternProblem {
    const bytes = encoder.encode(text).length;
    if (bytes === 0 || bytes > MAX_PATTERN_BYTES) {
      return { problem: `it has ${bytes} bytes, from 1 to ${MAX_PATTERN_BYTES} are allowed` };
    }
    if (/\p{Cc}/u.test(text)) return { problem: "it has a control character" };
    const strange = ambiguity(text);
    if (strange !== undefined) return { problem: strange };
    try {
      const regex = RE2JS.compile(text);
      if (regex.programSize() > MAX_INSTRUCTIONS) {
        return { problem: `it compiles to more than ${MAX_INSTRUCTIONS} instructions` };
      }
      const long = Object.keys(regex.namedGroups()).find((name) =>
        encoder.encode(name).length > MAX_GROUP_NAME_BYTES
      );
      if (long !== undefined) {
        return { problem: `group name "${long}" has more than ${MAX_GROUP_NAME_BYTES} bytes` };
      }
      return new PathPattern(text, regex);
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      return { problem: error.message.replace(/^error parsing regexp: /, "") };
    }
  }

  /** Names of its groups. */
  get groupNames(): ReadonlySet<string> {
    return new Set(Object.keys(this.#regex.namedGroups()));
  }

  /** How many groups it has, named and not, without the whole match. */
  get groupCount(): number {
    return this.#regex.groupCount();
  }

  /** Whether some part of `path` matches. */
  test(path: string): boolean {
    return this.#regex.test(path);
  }

  /** What the groups matched in `path`; nothing is computed before a template asks. */
  captures(path: string): Captures {
    return new PathCaptures(this.#regex, path);
  }
}

/** Patterns matched together, in one pass over the path. */
export class PatternSet {
  readonly #set = new RE2Set(RE2Set.UNANCHORED, 0, MAX_STATE_BYTES);

  constructor(patterns: readonly PathPattern[]) {
    for (const { text } of patterns) this.#set.add(text);
    this.#set.compile();
  }

  /** Indexes of the patterns that match some part of `path`, in no order. */
  match(path: string): readonly number[] {
    return this.#set.match(path);
  }
}

class PathCaptures implements Captures {
  #byIndex: readonly string[] | undefined;
  #byName: ReadonlyMap<string, string> | undefined;

  constructor(readonly regex: RE2JS, readonly path: string) {}

  get byIndex(): readonly string[] {
    if (this.#byIndex === undefined) this.#find();
    return this.#byIndex ?? [];
  }

  get byName(): ReadonlyMap<string, string> {
    if (this.#byName === undefined) this.#find();
    return this.#byName ?? NO_NAMES;
  }

  #find(): void {
    const found = this.regex.exec(this.path) ?? [];
    this.#byIndex = found.slice(0, MAX_CAPTURES).map(bounded);
    this.#byName = new Map(
      Object.entries(this.regex.namedGroups()).map(([name, at]) => [name, bounded(found[at])]),
    );
  }
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

function bounded(text: string | undefined): string {
  if (text === undefined || text.length > MAX_CAPTURE_BYTES) return "";
  return encoder.encode(text).length > MAX_CAPTURE_BYTES ? "" : text;
}

/**
 * Looks for what this engine would accept with another meaning than the dialect's: set operations and
 * nested classes (`[a-z&&[^b]]`), `\b{start}`, `{,n}`, `\Q`. They are refused rather than misread.
 */
function ambiguity(text: string): string | undefined {
  let inClass = false;
  for (let i = 0; i < text.length; i++) {
    const two = text.slice(i, i + 2);
    if (text[i] === "\\") {
      if (two === "\\Q") return String.raw`\Q is not supported, escape each character`;
      if (!inClass && (two === "\\b" || two === "\\B") && text[i + 2] === "{") {
        return String.raw`\b{...} is not supported, write \b`;
      }
      i++;
    } else if (!inClass) {
      if (two === "{,") return "{,n} is not supported, write {0,n}";
      if (text[i] !== "[") continue;
      inClass = true;
      // A bracket right behind the opening one (or its negation) is a member, not the end.
      if (text[i + 1] === "^") i++;
      if (text[i + 1] === "]") i++;
    } else if (text[i] === "]") {
      inClass = false;
    } else if (two === "[:") {
      const end = text.indexOf(":]", i + 2);
      if (end < 0) return String.raw`a bracket inside a class must be written \[`;
      i = end + 1;
    } else if (text[i] === "[") {
      return String.raw`classes cannot be nested; write \[ for a bracket`;
    } else if (two === "&&" || two === "--" || two === "~~") {
      return `set operations such as ${two} are not supported in classes`;
    }
  }
  return undefined;
}
