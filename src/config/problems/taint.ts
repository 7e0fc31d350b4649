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

  /** Whether a problem is about something that was taken out: at it, below it, or naming it. */
  explains(path: Path, message: string): boolean {
    return this.#removed.some((removed) =>
      isAtOrBelow(path, removed) || names(message, path, removed)
    );
  }
}

/** Whether `message`, about `path`, speaks of the key at `removed`. */
function names(message: string, path: Path, removed: Path): boolean {
  const keys = removed.filter((part): part is string => typeof part === "string");
  const name = keys[keys.length - 1];
  const table = typeof path[path.length - 1] === "string" ? path.slice(0, -1) : path;
  const near = isAtOrBelow(removed, table);
  if (near || keys.length === 1) return hasWord(message, name);
  return hasWord(message, `${keys[keys.length - 2]}.${name}`);
}

function hasWord(text: string, word: string): boolean {
  let at = text.indexOf(word);
  while (at >= 0) {
    const around = `${text[at - 1] ?? " "}${text[at + word.length] ?? " "}`;
    if (!/[A-Za-z0-9_]/.test(around)) return true;
    at = text.indexOf(word, at + 1);
  }
  return false;
}
