/**
 * Header and trailer fields of one message: an ordered list of name/value pairs, duplicates kept.
 *
 * Names are stored in lower case, so the codecs lower them once and every later comparison is `===`.
 * Values are stored trimmed of optional white space (RFC 9110 section 5.5). Nothing here checks that
 * a name is a token or a value is safe: the codec that read the bytes, or the configuration that
 * supplied the text, has done so.
 *
 * @module
 */

/**
 * What a new list's arrays are copies of. Literals of their own would be taken for long-lived where many
 * requests are in flight when the collector first looks, and all later ones put where they are not
 * collected for seconds, with everything they refer to. It held a text once, so that copies need not
 * change their kind when the first text is put into them.
 */
const NONE = [""];
NONE.pop();

/** Fields that are only read: a request's are shared by all readers. */
export interface ReadonlyFields
  extends Omit<Fields, "names" | "values" | "append" | "set" | "delete"> {
  /** As in {@linkcode Fields.names}. */
  readonly names: readonly string[];
  /** As in {@linkcode Fields.values}. */
  readonly values: readonly string[];
}

/** An ordered multimap of field names (lower case) to values. */
export class Fields {
  /** Field names in arrival order, lower case. Parallel to {@linkcode Fields.values}. */
  readonly names: string[];
  /** Field values in arrival order. */
  readonly values: string[];

  /** Makes a list of two arrays of one length, which it then owns; an empty one without. */
  constructor(names: string[] = NONE.slice(), values: string[] = NONE.slice()) {
    this.names = names;
    this.values = values;
  }

  /** Builds a list from pairs; names are lowered. */
  static of(...pairs: readonly (readonly [name: string, value: string])[]): Fields {
    const fields = new Fields();
    for (const [name, value] of pairs) fields.append(name.toLowerCase(), value);
    return fields;
  }

  /** How many field lines there are; duplicates count one each. */
  get size(): number {
    return this.names.length;
  }

  /** Adds one field line at the end. `name` must be lower case. */
  append(name: string, value: string): void {
    this.names.push(name);
    this.values.push(value);
  }

  /** The first value of `name` (lower case), or `undefined`. */
  get(name: string): string | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : this.values[at];
  }

  /** Whether a field line called `name` (lower case) is there. */
  has(name: string): boolean {
    return this.names.indexOf(name) >= 0;
  }

  /** How many field lines are called `name`. */
  count(name: string): number {
    let found = 0;
    for (let i = 0; i < this.names.length; i++) if (this.names[i] === name) found++;
    return found;
  }

  /** All values of `name` in order; an empty array when there are none. */
  all(name: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.names.length; i++) {
      if (this.names[i] === name) found.push(this.values[i]);
    }
    return found;
  }

  /** All values of `name` joined by `separator`, or `undefined` when there are none. */
  joined(name: string, separator = ", "): string | undefined {
    const first = this.names.indexOf(name);
    if (first < 0) return undefined;
    let value = this.values[first];
    for (let i = first + 1; i < this.names.length; i++) {
      if (this.names[i] === name) value += separator + this.values[i];
    }
    return value;
  }

  /** Replaces every line called `name` by one, in the place of the first, or at the end. */
  set(name: string, value: string): void {
    const at = this.names.indexOf(name);
    if (at < 0) {
      this.append(name, value);
      return;
    }
    this.values[at] = value;
    this.#removeFrom(at + 1, name);
  }

  /** Removes every line called `name`; returns whether there was one. */
  delete(name: string): boolean {
    const at = this.names.indexOf(name);
    if (at < 0) return false;
    this.#removeFrom(at, name);
    return true;
  }

  /** A copy that shares nothing with this list. */
  clone(): Fields {
    return new Fields(this.names.slice(), this.values.slice());
  }

  /** The pairs in order, for tests and for code off the request path. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.names.length; i++) yield [this.names[i], this.values[i]];
  }

  #removeFrom(start: number, name: string): void {
    const { names, values } = this;
    let keep = start;
    for (let i = start; i < names.length; i++) {
      if (names[i] === name) continue;
      names[keep] = names[i];
      values[keep] = values[i];
      keep++;
    }
    names.length = keep;
    values.length = keep;
  }
}
