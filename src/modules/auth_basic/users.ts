/** A file of users: lines of `name:hash`. @module */
import { hashFault } from "./hashes.ts";

const MAX_USERS = 10_000;
const MAX_NAME_BYTES = 255;

/** Something wrong with a file; `line` counts from 1. */
export interface UserFault {
  readonly line: number;
  /** Goes on after `line 3`; has nothing of the line in it. */
  readonly message: string;
}

/** The users of one file. */
export interface Users {
  readonly hashes: ReadonlyMap<string, string>;
  readonly faults: readonly UserFault[];
}

/** Reads a file of users. Lines that begin with `#` are comments. */
export function readUsers(bytes: Uint8Array): Users {
  const hashes = new Map<string, string>();
  const faults: UserFault[] = [];
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { hashes, faults: [{ line: 1, message: "or a later one is not UTF-8" }] };
  }
  for (const [index, line] of text.split("\n").entries()) {
    const entry = line.trim();
    if (entry === "" || entry.startsWith("#")) continue;
    const colon = entry.indexOf(":");
    const name = entry.slice(0, colon);
    const hash = entry.slice(colon + 1);
    const message = colon < 1
      ? "must be name:hash"
      : name.length > MAX_NAME_BYTES
      ? `has a name of more than ${MAX_NAME_BYTES} characters`
      : hashes.has(name)
      ? "has a name that another line has too"
      : hashes.size === MAX_USERS
      ? `is one more user than ${MAX_USERS}`
      : hashFault(hash);
    if (message === undefined) hashes.set(name, hash);
    else faults.push({ line: index + 1, message });
  }
  if (hashes.size === 0 && faults.length === 0) {
    faults.push({ line: 1, message: "must be name:hash; the file has no user" });
  }
  return { hashes, faults };
}
