/**
 * In which line of a TOML text each key stands. The parser reports lines for syntax errors only; a
 * problem with a value should name its line too.
 *
 * Reads texts that the parser has accepted, so it follows the grammar only as far as is needed to
 * find keys: strings, lists and inline tables are skipped over correctly, nothing is checked.
 *
 * @module
 */
import { parse } from "smol-toml";

/** Where a key stands, and the keys below it. */
export interface KeyPlace {
  /** From 1. */
  readonly line: number;
  readonly children: Map<string | number, KeyPlace>;
  /** An array of tables, which the next `[[header]]` of that name goes on. */
  readonly tables: boolean;
}

/** The places of all keys of `text`, which must be valid TOML. */
export function keyPlaces(text: string): KeyPlace {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #line = 1;
  /** Up to where lines have been counted. */
  #counted = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): KeyPlace {
    const root = this.#place();
    let table = root;
    while (true) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return root;
      if (this.#text[this.#at] === "[") table = this.#header(root);
      else this.#keyValue(table);
    }
  }

  /** `[a.b]` or `[[a.b]]`: the table that the keys below it belong to. */
  #header(root: KeyPlace): KeyPlace {
    const tables = this.#text.startsWith("[[", this.#at);
    this.#at += tables ? 2 : 1;
    const keys = this.#keys();
    this.#at += tables ? 2 : 1;
    let table = root;
    for (const [depth, key] of keys.entries()) {
      const last = depth === keys.length - 1;
      table = this.#child(table, key, tables && last);
      if (!table.tables) continue;
      if (tables && last) return this.#child(table, table.children.size);
      table = table.children.get(table.children.size - 1) ?? table;
    }
    return table;
  }

  #keyValue(table: KeyPlace): void {
    let place = table;
    for (const key of this.#keys()) place = this.#child(place, key);
    this.#at++;
    this.#value(place);
  }

  /** A dotted key, up to and without the `=` or `]` behind it. */
  #keys(): string[] {
    const keys: string[] = [];
    while (true) {
      this.#skipSpaces();
      const start = this.#at;
      const quote = this.#text[start];
      if (quote === '"' || quote === "'") {
        this.#skipString();
        keys.push(unquote(this.#text.slice(start, this.#at)));
      } else {
        while (/[A-Za-z0-9_-]/.test(this.#text[this.#at] ?? "")) this.#at++;
        keys.push(this.#text.slice(start, this.#at));
      }
      this.#skipSpaces();
      if (this.#text[this.#at] !== ".") return keys;
      this.#at++;
    }
  }

  #value(place: KeyPlace): void {
    this.#skipSpaces();
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#skipString();
    if (first === "[" || first === "{") return this.#items(place, first === "[");
    while (this.#at < this.#text.length && !/[,\]}#\n]/.test(this.#text[this.#at])) this.#at++;
  }

  /** The inside of a list or an inline table. */
  #items(place: KeyPlace, list: boolean): void {
    this.#at++;
    while (true) {
      this.#skipBlank();
      const next = this.#text[this.#at];
      if (next === ",") {
        this.#at++;
      } else if (next === undefined || next === "]" || next === "}") {
        this.#at++;
        return;
      } else if (list) {
        this.#value(this.#child(place, place.children.size));
      } else {
        this.#keyValue(place);
      }
    }
  }

  #skipString(): void {
    const quote = this.#text[this.#at];
    const long = this.#text.startsWith(quote.repeat(3), this.#at);
    const close = long ? quote.repeat(3) : quote;
    this.#at += close.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(close, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === "\\" ? 2 : 1;
    }
    this.#at += close.length;
    // A long string may end in up to two quotes of its own.
    while (long && this.#text[this.#at] === quote) this.#at++;
  }

  #skipSpaces(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  /** Skips white space, line ends and comments. */
  #skipBlank(): void {
    while (this.#at < this.#text.length) {
      if (this.#text[this.#at] === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else if (/\s/.test(this.#text[this.#at])) {
        this.#at++;
      } else {
        return;
      }
    }
  }

  #child(place: KeyPlace, key: string | number, tables = false): KeyPlace {
    const known = place.children.get(key);
    if (known !== undefined) return known;
    const child = this.#place(tables);
    place.children.set(key, child);
    return child;
  }

  #place(tables = false): KeyPlace {
    for (; this.#counted < this.#at; this.#counted++) {
      if (this.#text[this.#counted] === "\n") this.#line++;
    }
    return { line: this.#line, children: new Map(), tables };
  }
}

/** The name a quoted key stands for; the parser knows the escapes. */
function unquote(key: string): string {
  return Object.keys(parse(`${key} = 0`))[0];
}
