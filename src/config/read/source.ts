/**
 * The files behind `--config`: which ones, in which order, and whether they may be believed (spec 01
 * sections 1.1 and 1.2).
 *
 * @module
 */
import { resolve } from "node:path";
import { beginnings, factsOf, parentOf, serviceUid, wayTo, whyNot } from "./file_facts.ts";
import type { Problem } from "../types.ts";
import { whyUnusable } from "./unusable_path.ts";

/** Largest file that is read. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Most files of a directory and its `conf.d` together. */
export const MAX_FILES = 256;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const CONF_D = "conf.d";

/** One file's text. */
export interface SourceFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** What could be read, and why the rest could not. */
export interface SourceFiles {
  readonly files: readonly SourceFile[];
  readonly problems: readonly Problem[];
  /** For a single file: its `conf.d`, which the file itself may ask for. */
  readonly confD?: string;
}

/** Who may own and write what is believed. */
export interface Trust {
  /** User id of the service; `undefined` when the process may not know it. */
  readonly uid: number | undefined;
}

/** Why a file or directory is not read. Thrown inside this file only. */
class Refused extends Error {
  readonly path: string;
  readonly hint: string | undefined;
  constructor(path: string, reason: string, hint?: string) {
    super(reason);
    this.path = path;
    this.hint = hint;
  }
}

/**
 * Reads a file, or the visible TOML files of a directory and of its `conf.d`, in byte order of their
 * names.
 */
export function readSource(source: string, trust: Trust = { uid: serviceUid() }): SourceFiles {
  const path = resolve(source);
  return refusals(() => {
    refuseUnusable(path);
    refuseLinks(path);
    const facts = factsOf(path);
    if (facts.kind === "missing") throw new Refused(path, "does not exist");
    if (facts.kind === "hidden") {
      throw new Refused(path, "this process has no permission to read it");
    }
    if (facts.kind === "error") throw new Refused(path, `could not be read: ${facts.reason}`);
    if (facts.info.isDirectory) {
      const own = readDirectory(path, trust, MAX_FILES);
      const more = readConfD(`${path}/${CONF_D}`, trust, MAX_FILES - own.files.length);
      return {
        files: [...own.files, ...more.files],
        problems: [...own.problems, ...more.problems],
      };
    }
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (!facts.info.isFile) throw new Refused(path, "is not a regular file");
    if (!isVisibleToml(name)) {
      throw new Refused(
        path,
        "must be a directory, or a file that ends in .toml and is not hidden",
      );
    }
    const directory = parentOf(path);
    const { files, problems } = readOne(path, trust);
    return {
      files,
      problems: [...problemsAround(directory, trust), ...problems],
      confD: `${directory}/${CONF_D}`,
    };
  });
}

/** Reads the visible TOML files of a `conf.d`; a missing one is empty. */
export function readConfD(
  directory: string,
  trust: Trust = { uid: serviceUid() },
  most = MAX_FILES,
): SourceFiles {
  return refusals(() => {
    const facts = factsOf(directory);
    if (facts.kind === "missing") return { files: [], problems: [] };
    if (facts.kind === "error") throw new Refused(directory, `could not be read: ${facts.reason}`);
    if (facts.kind === "there" && !facts.info.isDirectory) {
      throw new Refused(directory, "must be a directory and not a symbolic link");
    }
    return readDirectory(directory, trust, most);
  });
}

/** Whether there are files that {@linkcode readConfD} would read, as far as this process may look. */
export function hasFragments(directory: string): boolean {
  const facts = factsOf(directory);
  if (facts.kind !== "there" || !facts.info.isDirectory) return false;
  try {
    for (const { isFile, name } of Deno.readDirSync(directory)) {
      if (isFile && isVisibleToml(name)) return true;
    }
  } catch {
    // Not being allowed to list it, this process would not have loaded it either.
  }
  return false;
}

function readDirectory(directory: string, trust: Trust, most: number): SourceFiles {
  const names: string[] = [];
  try {
    for (const entry of Deno.readDirSync(directory)) {
      // A link inside a configuration directory is skipped, not an error.
      if (entry.isFile && isVisibleToml(entry.name)) names.push(entry.name);
    }
  } catch (error) {
    throw new Refused(directory, `could not be read: ${whyNot(error)}`);
  }
  if (names.length > most) {
    throw new Refused(directory, `has more than ${MAX_FILES} TOML files (with its conf.d)`);
  }
  const files: SourceFile[] = [];
  const problems = problemsAround(directory, trust);
  for (const name of names.sort(byBytes)) {
    const read = readOne(`${directory === "/" ? "" : directory}/${name}`, trust);
    files.push(...read.files);
    problems.push(...read.problems);
  }
  return { files, problems };
}

function readOne(path: string, trust: Trust): SourceFiles {
  return refusals(() => ({ files: [{ path, text: readFile(path, trust) }], problems: [] }));
}

/**
 * The text of one file. There is no way to open without following links, so what was looked at is
 * compared with what was opened, and again after reading: a file that was swapped or written to in
 * between is refused.
 */
function readFile(path: string, trust: Trust): string {
  const looked = factsOf(path);
  if (looked.kind !== "there") {
    throw new Refused(path, looked.kind === "error" ? looked.reason : "disappeared");
  }
  if (!looked.info.isFile) throw new Refused(path, "is not a regular file");
  const distrust = whyDistrusted(path, looked.info, ownersOf(trust, looked.info));
  if (distrust !== undefined) throw new Refused(path, distrust);
  let bytes: Uint8Array;
  try {
    using file = Deno.openSync(path, { read: true });
    const opened = file.statSync();
    if (!opened.isFile || opened.dev !== looked.info.dev || opened.ino !== looked.info.ino) {
      throw new Refused(path, "was replaced while it was being opened");
    }
    if (opened.size > MAX_FILE_BYTES) throw new Refused(path, "is larger than 1 MiB");
    bytes = readAll(file);
    if (bytes.length > MAX_FILE_BYTES) throw new Refused(path, "is larger than 1 MiB");
    if (!unchanged(opened, file.statSync())) {
      throw new Refused(path, "changed while it was being read");
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(path, `could not be read: ${whyNot(error)}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refused(path, "is not UTF-8");
  }
}

/** At most one byte more than may be read, which shows that there is more. */
function readAll(file: Deno.FsFile): Uint8Array {
  const buffer = new Uint8Array(MAX_FILE_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const read = file.readSync(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return buffer.subarray(0, length);
}

function unchanged(before: Deno.FileInfo, after: Deno.FileInfo): boolean {
  return before.dev === after.dev && before.ino === after.ino && before.size === after.size &&
    before.mtime?.getTime() === after.mtime?.getTime() &&
    before.ctime?.getTime() === after.ctime?.getTime();
}

/** What the runtime keeps from the gateway could be read now, perhaps, and not at a reload. */
function refuseUnusable(path: string): void {
  const unusable = whyUnusable(path);
  if (unusable !== undefined) throw new Refused(path, unusable.message, unusable.hint);
}

/** Every component of the given path that exists must be the real thing. */
function refuseLinks(path: string): void {
  const way = wayTo(path);
  if (way.kind === "link") throw new Refused(path, `goes through a symbolic link: ${way.at}`);
  if (way.kind === "error") throw new Refused(path, `could not be read: ${way.reason}`);
}

/**
 * A directory with configuration and everything above it must be in the hands of root or the service.
 *
 * Choice: an ancestor that everyone may write to passes if it has the sticky bit and belongs to root or
 * the service (`/tmp`). No other user can then rename or replace the entry below, which is checked in its
 * turn. The directory with the files themselves never passes that way.
 */
function problemsAround(directory: string, trust: Trust): Problem[] {
  const own = factsOf(directory);
  const owners = ownersOf(trust, own.kind === "there" ? own.info : undefined);
  const problems: Problem[] = [];
  for (const ancestor of beginnings(directory)) {
    const facts = factsOf(ancestor);
    if (facts.kind !== "there") continue;
    const sticky = ((facts.info.mode ?? 0) & STICKY) !== 0 && ancestor !== directory;
    const message = whyDistrusted(ancestor, facts.info, owners, sticky);
    if (message !== undefined) problems.push({ key: "", message, file: ancestor });
  }
  return problems;
}

function whyDistrusted(
  path: string,
  info: Deno.FileInfo,
  owners: readonly number[],
  sticky = false,
): string | undefined {
  if (info.uid !== null && !owners.includes(info.uid)) {
    return `belongs to user ${info.uid}; it must belong to root or the service user`;
  }
  if (!sticky && ((info.mode ?? 0) & WRITABLE_BY_OTHERS) !== 0) {
    return `is writable by its group or by everyone, who could change the configuration; ` +
      `run chmod go-w ${path}`;
  }
}

/** Where the process may not know its user, the owner of the files themselves stands in for it. */
function ownersOf(trust: Trust, info: Deno.FileInfo | undefined): readonly number[] {
  return [0, trust.uid ?? info?.uid ?? 0];
}

function isVisibleToml(name: string): boolean {
  return !name.startsWith(".") && /\.toml$/i.test(name);
}

/** Order of the UTF-8 bytes, which is the order of code points. */
function byBytes(a: string, b: string): number {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return left[i] - right[i];
  return left.length - right.length;
}

function refusals(read: () => SourceFiles): SourceFiles {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { message, hint, path } = error;
    const problem = { key: "", message, file: path };
    return { files: [], problems: [hint === undefined ? problem : { ...problem, hint }] };
  }
}
