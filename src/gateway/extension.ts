/**
 * Lists that modules add to: content codings, selection policies, challenge responders. The module that
 * reads a list owns its {@linkcode ExtensionPoint}; one that adds to it names the value in
 * `EdgeModule.extends`. Nothing registers itself by being imported, so a build has exactly what its profile
 * lists.
 *
 * @module
 */

/** A list of values of one kind. */
export class ExtensionPoint<T> {
  /**
   * An empty list.
   *
   * @param name For messages: `compression.codec`.
   */
  constructor(readonly name: string) {}

  /** `value` as an entry of this list. */
  entry(value: T): Extension<T> {
    return { point: this, value };
  }

  /** Those of `extensions` that are of this list, in their order. */
  of(extensions: Iterable<Extension<unknown>>): readonly T[] {
    const values: T[] = [];
    for (const extension of extensions) {
      if (this.#holds(extension)) values.push(extension.value);
    }
    return values;
  }

  #holds(extension: Extension<unknown>): extension is Extension<T> {
    return extension.point === this;
  }
}

/** One entry of a list. */
export interface Extension<out T> {
  /** The {@linkcode ExtensionPoint} of the list. */
  readonly point: object;
  /** The entry. */
  readonly value: T;
}
