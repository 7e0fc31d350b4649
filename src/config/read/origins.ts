/**
 * From which file and line each key of a merged configuration came. Kept beside the plain tables, by
 * identity, so that merging and checking work on nothing but data.
 *
 * @module
 */
import type { KeyPlace } from "./positions.ts";
import { type Container, isTable, type Path } from "../schema/schema_walk.ts";

/** Where one key was written. */
export interface Origin {
  readonly file: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  /** For an entry of a list: its position there before anything was taken out. */
  readonly index?: number;
}

/** The origins of all keys of some tables. */
export class Origins {
  readonly #byContainer = new WeakMap<Container, Map<string | number, Origin>>();

  /** Notes the origins of everything in `container`, which was read from `file`. */
  record(container: Container, places: KeyPlace, file: string): void {
    for (const [key, place] of places.children) {
      const index = typeof key === "number" ? key : undefined;
      this.put(container, key, { file, line: place.line, index });
      const value: unknown = Array.isArray(container) ? container[Number(key)] : container[key];
      if (Array.isArray(value) || isTable(value)) this.record(value, place, file);
    }
  }

  get(container: Container, key: string | number): Origin | undefined {
    return this.#byContainer.get(container)?.get(key);
  }

  put(container: Container, key: string | number, origin: Origin | undefined): void {
    if (origin === undefined) return;
    const known = this.#byContainer.get(container);
    if (known !== undefined) known.set(key, origin);
    else this.#byContainer.set(container, new Map([[key, origin]]));
  }

  /** Takes a key or entry out of its table or list; the entries behind it keep their origins. */
  remove(container: Container, key: string | number): void {
    if (!Array.isArray(container)) {
      delete container[key];
      this.#byContainer.get(container)?.delete(key);
      return;
    }
    const at = Number(key);
    for (let i = at; i < container.length - 1; i++) {
      this.put(container, i, this.get(container, i + 1) ?? { file: "", line: 0, index: i + 1 });
    }
    container.splice(at, 1);
  }

  /**
   * Where `path` below `root` was written: the origin of the deepest key that was, and the path with
   * the positions that entries had in the files.
   */
  locate(
    root: Container,
    path: Path,
  ): { readonly origin: Origin | undefined; readonly path: Path } {
    let container: unknown = root;
    let origin: Origin | undefined;
    const written: (string | number)[] = [];
    for (const key of path) {
      let here: Origin | undefined;
      if (Array.isArray(container) && typeof key === "number") {
        here = this.get(container, key);
        container = container[key];
      } else if (isTable(container)) {
        here = this.get(container, key);
        container = container[key];
      } else {
        container = undefined;
      }
      if (here !== undefined && here.line > 0) origin = here;
      written.push(here?.index ?? key);
    }
    return { origin, path: written };
  }
}
