/** What a TLS server shows for the name a client asks for (spec 05 section 3.2). @module */

/**
 * Values by host name. A name is looked up as it is, then with `*` in place of its first label, then the
 * fallback is given.
 */
export class NameTable<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows `*.`: a star stands for one label, so there is one candidate at most. */
  readonly #wildcard = new Map<string, T>();

  /**
   * @param names Host names or `*.suffix`, lower case, without trailing dot; the first of equals counts.
   * @param fallback For unknown names, and for clients that give none.
   */
  constructor(
    names: Iterable<readonly [pattern: string, value: T]>,
    readonly fallback: T | undefined,
  ) {
    for (const [pattern, value] of names) {
      const map = pattern.startsWith("*.") ? this.#wildcard : this.#exact;
      const key = pattern.startsWith("*.") ? pattern.slice(2) : pattern;
      if (!map.has(key)) map.set(key, value);
    }
  }

  /** The value for `name` as a client spelt it; `""` when it gave none. */
  get(name: string): T | undefined {
    if (name === "") return this.fallback;
    let host = name.toLowerCase();
    if (host.endsWith(".")) host = host.slice(0, -1);
    const found = this.#exact.get(host);
    if (found !== undefined) return found;
    const dot = host.indexOf(".");
    const wild = dot > 0 ? this.#wildcard.get(host.slice(dot + 1)) : undefined;
    return wild ?? this.fallback;
  }
}
