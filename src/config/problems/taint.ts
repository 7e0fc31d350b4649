/**
 * Which problems are no news because of what was found wrong before.
 *
 * @module
 */
import { isAtOrBelow } from "./key_path.ts";
import type { Path } from "../schema/schema_walk.ts";

/** What was taken out of a configuration, and which problems follow from that alone. */
export class Taint {
  readonly #removed: Path[] = [];

  add(path: Path): void {
    this.#removed.push(path);
  }

  /**
   * Whether a problem is about something that was taken out: at or below it.
   *
   * @param about Other keys that the problem is about.
   */
  explains(path: Path, about: readonly Path[]): boolean {
    return this.#removed.some((removed) =>
      isAtOrBelow(path, removed) || about.some((other) => isPartOf(other, removed))
    );
  }
}

/**
 * Whether the key `other` is `removed` or below it. Entries of a list that were taken out count for the list,
 * and a key without positions for that of every entry.
 */
function isPartOf(other: Path, removed: Path): boolean {
  let at = 0;
  for (const part of removed) {
    if (other[at] === part) at++;
    else if (typeof part === "string") return false;
    else if (typeof other[at] === "number") return false;
  }
  return true;
}
