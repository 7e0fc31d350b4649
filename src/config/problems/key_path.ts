/**
 * Key paths as an operator writes them: `vhosts[1].routes[0].headers.request.set."x-tenant"`.
 *
 * @module
 */
import type { Path } from "../schema/schema_walk.ts";

/** The text of a path; keys that TOML would want quoted are quoted. */
export function formatKey(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += `${text === "" ? "" : "."}${quoted(String(part))}`;
  }
  return text;
}

/** The path of a text that {@linkcode formatKey} wrote; what is not understood stays one name. */
export function parseKey(text: string): Path {
  const path: (string | number)[] = [];
  const part = /\[([0-9]+)\]|"((?:[^"\\]|\\.)*)"|[^.[\]"]+/y;
  let at = 0;
  while (at < text.length) {
    if (text[at] === ".") at++;
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) return [...path, text.slice(at)];
    if (match[1] !== undefined) path.push(Number(match[1]));
    else if (match[2] !== undefined) path.push(JSON.parse(match[0]));
    else path.push(match[0]);
    at = part.lastIndex;
  }
  return path;
}

/** Whether `path` is `prefix` or below it. */
export function isAtOrBelow(path: readonly PropertyKey[], prefix: readonly PropertyKey[]): boolean {
  return prefix.length <= path.length && prefix.every((part, i) => part === path[i]);
}

function quoted(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}
