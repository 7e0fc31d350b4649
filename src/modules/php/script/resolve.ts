/**
 * What a request is to PHP: a script to execute, a file for the static handler, a redirect to a directory,
 * or nothing (spec 07 sections 8 and 9). The file that is found on the disk decides.
 *
 * @module
 */
import { isHiddenName, locate, locateAny, type Place } from "../../web/edge.ts";
import { asciiLower, isBelow, isSafePathInfo, isScriptName, readScriptPath } from "./path.ts";
import { ScriptRoot } from "./root.ts";

/** Settings of a `php` table that say what is executed. */
export interface ScriptSettings {
  readonly root: string;
  readonly resolve_root_symlink: boolean;
  readonly fpm_root?: string | undefined;
  readonly index: string;
  readonly allowed_extensions: readonly string[];
  readonly deny_path_prefixes: readonly string[];
  readonly try_files: "front-controller" | "wordpress" | "strict";
  readonly path_info: "disabled" | "split";
}

/** A script that was found. */
export interface Script {
  readonly kind: "script";
  /** Its path below the root, with a leading slash. */
  readonly name: string;
  /** Its path as php-fpm sees it. */
  readonly filename: string;
  readonly documentRoot: string;
  /** What follows it in the request's path; `""` for nothing. */
  readonly pathInfo: string;
}

/** What a path is. */
export type Resolution =
  | Script
  /** A file that is no script, for the static handler. */
  | { readonly kind: "file" }
  /** A directory with a script that was asked for without its slash. */
  | { readonly kind: "directory" }
  | { readonly kind: "missing" }
  | { readonly kind: "forbidden" };

const MISSING: Resolution = { kind: "missing" };
const FORBIDDEN: Resolution = { kind: "forbidden" };
const FILE: Resolution = { kind: "file" };
const DIRECTORY: Resolution = { kind: "directory" };

/** Dotfiles hide what was never meant to be published, whatever `[web]` says beside. */
const DOT_RULES = { deny_dotfiles: true, deny_well_known: false };

/** Finds the scripts of one table. */
export class ScriptResolver {
  readonly #settings: ScriptSettings;
  readonly #root: ScriptRoot;
  readonly #extensions: ReadonlySet<string>;
  readonly #index: readonly string[];

  /** @param onRefusedLink Told when something was not found because a symbolic link is in its way. */
  constructor(settings: ScriptSettings, onRefusedLink: () => void) {
    this.#settings = settings;
    this.#root = new ScriptRoot(settings, onRefusedLink);
    this.#extensions = new Set(settings.allowed_extensions.map(asciiLower));
    this.#index = [settings.index];
  }

  /**
   * Finds out what `path` is.
   *
   * @param path Percent-encoded, as it is served.
   * @throws What the system says other than that there is no such thing.
   */
  resolve(path: string): Resolution {
    const asked = readScriptPath(path, this.#extensions);
    if (asked === undefined) return FORBIDDEN;
    const { names, isExplicit, pathInfo, isDirectory } = asked;
    if (isExplicit) return this.#explicit(names, pathInfo);
    const found = this.#locate(names);
    if (names.some(isHidden) || names.some((name) => name.includes("\\"))) {
      // The name of a page may look like that of a hidden file; it is one where there is a file.
      return found === undefined ? this.#frontController() : FORBIDDEN;
    }
    if (found === undefined) return this.#frontController();
    if (found.info.isFile) return isDirectory ? this.#frontController() : FILE;
    const index = locateAny(found, this.#index);
    if (index === undefined) return this.#frontController();
    return isDirectory || names.length === 0 ? this.#script(index, "") : DIRECTORY;
  }

  /** What answers for a path that no file does. */
  frontController(): Resolution {
    return this.#frontController();
  }

  #explicit(names: readonly string[], pathInfo: string): Resolution {
    const { path_info } = this.#settings;
    if (names.some(isHidden) || names.some((name) => name.includes("\\"))) return FORBIDDEN;
    if (this.#isDenied("/" + names.join("/"))) return FORBIDDEN;
    // A slash alone names nothing.
    const hasPathInfo = pathInfo.replaceAll("/", "") !== "";
    if (path_info === "disabled" ? hasPathInfo : !isSafePathInfo(pathInfo)) return FORBIDDEN;
    const found = this.#locate(names);
    if (found === undefined || !found.info.isFile) return MISSING;
    return this.#script(found, path_info === "disabled" ? "" : pathInfo);
  }

  #frontController(): Resolution {
    if (this.#settings.try_files === "strict") return MISSING;
    const found = this.#locate(this.#index);
    return found?.info.isFile === true ? this.#script(found, "") : MISSING;
  }

  #locate(names: readonly string[]): Place | undefined {
    const found = locate(this.#root.path, names, this.#root);
    return "depth" in found ? undefined : found;
  }

  /** Made of the path of the file that was found, and of no text of the request. */
  #script({ path }: Place, pathInfo: string): Resolution {
    const { path: root, fpmRoot } = this.#root;
    const name = root === "/" ? path : path.slice(root.length);
    const file = name.slice(name.lastIndexOf("/") + 1);
    if (!isScriptName(file, this.#extensions) || this.#isDenied(name)) return FORBIDDEN;
    const filename = fpmRoot === "/" ? name : fpmRoot + name;
    return { kind: "script", name, filename, documentRoot: fpmRoot, pathInfo };
  }

  #isDenied(name: string): boolean {
    return this.#settings.deny_path_prefixes.some((prefix) => isBelow(name, prefix));
  }
}

function isHidden(name: string, at: number): boolean {
  return isHiddenName(name, at, DOT_RULES);
}
