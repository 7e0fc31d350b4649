/** What must be true of a program before it is run, and of the directories it works in. @module */
import fs from "node:fs";

const OTHERS_WRITE = 0o022;
const PRIVATE = 0o700;

/** Why the program at `path` must not be run, as a sentence; `undefined` when it may be. */
export function binaryFault(path: string): string | undefined {
  try {
    const info = fs.lstatSync(path);
    if (info.isSymbolicLink()) {
      return `${path} must not be a symbolic link: name the program itself`;
    }
    if (!info.isFile()) return `${path} must be a file`;
    if ((info.mode & 0o111) === 0) return `${path} must be a program`;
    if ((info.mode & OTHERS_WRITE) !== 0) {
      return `${path} must not be writable by its group or by everyone`;
    }
    return undefined;
  } catch (error) {
    return `${path} must be a program: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Makes a directory that only its owner may enter, where it is missing.
 *
 * @returns What is wrong with one that is there.
 */
export function ownDirectory(path: string): string | undefined {
  try {
    // The runtime asks for this path alone, whichever of its parents are missing.
    Deno.mkdirSync(path, { recursive: true, mode: PRIVATE });
    const info = fs.lstatSync(path);
    if (!info.isDirectory()) return `${path} must be a directory, and no symbolic link`;
    if ((info.mode & OTHERS_WRITE) === 0) return undefined;
    return `${path} must not be writable by its group or by everyone`;
  } catch (error) {
    return `${path} must be a directory: ${error instanceof Error ? error.message : String(error)}`;
  }
}
