/**
 * The files of one `web` table, and the step that serves them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { percentEncodeLiteral, percentEncodePath } from "../../http/percent.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { NamePolicies } from "../../gateway/exchange/exchange.ts";
import { askPolicy } from "../../gateway/route/name_policy.ts";
import { redirect } from "../../gateway/route/redirect.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { Slot } from "../../gateway/exchange/slot.ts";
import { answer, type Content, DiskContent } from "./answer.ts";
import { type Entry, readListing, renderListing } from "./files/listing.ts";
import { Links } from "./files/links.ts";
import { locate, locateAny, type Place } from "./files/lookup.ts";
import { Absence, HotFile, MAX_ABSENCE_KEY, type Memory, type Remembered } from "./files/memory.ts";
import { type OpenFile, openFile } from "./files/open_file.ts";
import { Representation } from "./files/representation.ts";
import { originalOf, Precompressed } from "./files/precompressed.ts";
import { type PathProblem, readRequestPath, type RequestPath } from "./files/request_path.ts";
import type { FileRule } from "./file_rules.ts";
import { ASKED_PATH } from "./try_files.ts";
import type { FileExtras, PageConfig } from "./schema.ts";

/** What the sites of one worker share. */
export interface SiteContext {
  readonly clock: { readonly now: number };
  readonly memory: Memory;
  readonly watch: { readonly changes: number };
  readonly log: Logger;
  /** What other modules forbid to send. */
  readonly rule?: FileRule | undefined;
}

/** How often something is looked for anew that changes while it is opened. */
const ATTEMPTS = 4;

const FORBIDDEN: Refusal = { status: 403, text: "forbidden", cause: "static_path" };
const MALFORMED: Refusal = { status: 400, text: "unsafe request path", cause: "static_path" };
const BROKEN: Refusal = { status: 500, text: "internal server error", cause: "static_io" };

const encoder = new TextEncoder();

/** Static files below one root. */
export class Site {
  readonly #web: PageConfig & Partial<FileExtras>;
  /** Suffixes of the names to try after the one that was asked for. */
  readonly #suffixes: readonly string[];
  /** The page of an application, which answers for paths that name no file. */
  readonly #fallback: string | undefined;
  readonly #context: SiteContext;
  /** By decoded path; none with a `%` in it, so that a path without escapes is its own key. */
  readonly #files = new Map<string, HotFile>();
  readonly #absences = new Map<string, Absence>();
  readonly #precompressed: Precompressed | undefined;
  readonly #links: Links;
  #hasRefusedLink = false;

  /** @param precompressed Whether to send `page.html.br` for `page.html` to clients that accept it. */
  constructor(
    web: PageConfig & Partial<FileExtras>,
    context: SiteContext,
    precompressed = false,
  ) {
    this.#web = web;
    const tried = web.try_files?.slice(1) ?? [];
    this.#suffixes = tried.filter((entry) => entry.startsWith(ASKED_PATH))
      .map((entry) => entry.slice(ASKED_PATH.length));
    this.#fallback = tried.find((entry) => !entry.startsWith(ASKED_PATH));
    this.#context = context;
    this.#links = new Links(web.symlinks, web.root, () => this.#refuseLink());
    if (precompressed) this.#precompressed = new Precompressed((path) => this.#fileAt(path));
  }

  /** The step: answers GET and HEAD for what is there, leaves everything else alone. */
  serve(exchange: Exchange): void | Promise<void> {
    if (exchange.method !== "GET" && exchange.method !== "HEAD") return;
    try {
      const hot = this.#files.get(exchange.servedPath);
      if (hot !== undefined && this.#isCurrent(hot)) {
        this.#context.memory.files.touch(hot);
        return this.#answer(exchange, hot);
      }
      return this.#serveFromDisk(exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  /**
   * The content at `path`, whatever the conditions of a request; `undefined` when there is none that may be
   * sent.
   *
   * @param path Percent-encoded, begins with `/`.
   * @throws What the system says, other than that there is nothing.
   */
  content(path: string): Content | undefined {
    const requested = readRequestPath(path, this.#web);
    if (typeof requested === "string") return undefined;
    return contentIn(this.#open(requested));
  }

  /** What `exchange` would be answered with, in words; asks the disk, not the memory. */
  explain(exchange: Exchange): string {
    const path = exchange.servedPath;
    const requested = readRequestPath(path, this.#web);
    if (typeof requested === "string") {
      if (requested === "absent") return `no file for ${path} below ${this.#web.root}`;
      const { status, text } = refusalOf(requested);
      return `${status} ${text}`;
    }
    const place = this.#find(requested);
    if (place === undefined) return this.#explainOther(exchange, requested);
    const isIndex = place.above.length > requested.names.length;
    if ((isIndex || place.info.isDirectory) && lacksSlash(exchange)) {
      return `${exchange.path} is a directory: redirects to its path with a slash`;
    }
    if (place.info.isDirectory) return `listing of ${place.path}`;
    if (this.#isForbidden(place)) return `${FORBIDDEN.status} ${FORBIDDEN.text}: ${place.path}`;
    return `file ${this.#variantPath(requested, exchange) ?? place.path}`;
  }

  #explainOther(exchange: Exchange, requested: RequestPath): string {
    for (const suffix of requested.names.length === 0 ? [] : this.#suffixes) {
      const other = withSuffix(requested, suffix);
      const place = other && this.#find(other);
      if (place !== undefined) return `file ${place.path}, by try_files`;
    }
    const fallback = this.#fallbackFor(exchange, requested);
    return fallback === undefined
      ? `no file for ${requested.decoded} below ${this.#web.root}`
      : `the page ${fallback} of try_files`;
  }

  /** Forgets everything. */
  close(): void {
    const { memory } = this.#context;
    for (const file of this.#files.values()) memory.files.drop(file);
    for (const absence of this.#absences.values()) memory.absences.drop(absence);
  }

  #serveFromDisk(exchange: Exchange): void | Promise<void> {
    const requested = readRequestPath(exchange.servedPath, this.#web);
    if (typeof requested === "string") {
      if (requested !== "absent") refuse(exchange, refusalOf(requested));
      return;
    }
    const found = this.#open(requested);
    if (found === undefined) return this.#serveOther(exchange, requested);
    if (found === "forbidden") return refuse(exchange, FORBIDDEN);
    if ("representation" in found) return this.#answer(exchange, found);
    return this.#list(exchange, requested, found);
  }

  /** What `try_files` has for a path that is not there; nothing where it has nothing. */
  #serveOther(exchange: Exchange, requested: RequestPath): void | Promise<void> {
    for (const suffix of requested.names.length === 0 ? [] : this.#suffixes) {
      const other = withSuffix(requested, suffix);
      const content = other && contentIn(this.#open(other));
      if (content !== undefined) {
        return this.#answer(exchange, content, exchange.path + percentEncodeLiteral(suffix));
      }
    }
    const fallback = this.#fallbackFor(exchange, requested);
    const content = fallback === undefined ? undefined : this.content(fallback);
    if (content === undefined) return;
    APPLICATION_PAGE.set(exchange, true);
    return this.#answer(exchange, content, basePath(exchange) + fallback);
  }

  /** Whether the page of the application answers: to a navigation, and not for a file that is missing. */
  #fallbackFor({ request }: Exchange, { names }: RequestPath): string | undefined {
    if (this.#fallback === undefined || names.at(-1)?.includes(".") === true) return undefined;
    const isNavigation = request.joined("accept")?.toLowerCase().includes("text/html") === true;
    return isNavigation ? percentEncodePath(this.#fallback) : undefined;
  }

  /** @param other Path of what is sent in place of what was asked for; `""` where that is sent itself. */
  #answer(exchange: Exchange, content: Content, other = ""): void | Promise<void> {
    const { index } = content.representation;
    if (index === "" && other === "" && this.#precompressed === undefined) {
      return answer(exchange, content);
    }
    if (index !== "" && lacksSlash(exchange)) {
      content.discard();
      return this.#redirect(exchange);
    }
    const path = other !== "" ? other : pathOf(exchange, content);
    const names = exchange.plan?.names;
    if (names === undefined) return this.#send(exchange, content, path);
    if (index !== "" || other !== "") exchange.namePolicy = names.of(exchange, path);
    const waiting = this.#ask(exchange, names, path);
    if (waiting !== undefined) return this.#sendAfter(waiting, exchange, content, path);
    if (exchange.status === 0) this.#send(exchange, content, path);
    else content.discard();
  }

  /** Asks the policies that hold for content at `path`, its own and those of what it was made of. */
  #ask(exchange: Exchange, names: NamePolicies, path: string): void | Promise<void> {
    const own = exchange.namePolicy;
    const originalPath = this.#precompressed === undefined ? undefined : originalOf(path);
    const original = originalPath === undefined ? undefined : names.of(exchange, originalPath);
    if (original === undefined || original === own) {
      return own === undefined ? undefined : askPolicy(own, exchange);
    }
    if (own === undefined) return askPolicy(original, exchange);
    return askPolicy({ ...own, steps: [...own.steps, ...original.steps] }, exchange);
  }

  async #sendAfter(
    waiting: Promise<void>,
    exchange: Exchange,
    content: Content,
    path: string,
  ): Promise<void> {
    try {
      await waiting;
    } catch (error) {
      content.discard();
      throw error;
    }
    if (exchange.status === 0 && !exchange.aborted) this.#send(exchange, content, path);
    else content.discard();
  }

  #send(exchange: Exchange, content: Content, path: string): void {
    if (this.#precompressed === undefined) answer(exchange, content);
    else this.#precompressed.answer(exchange, content, path);
    if (APPLICATION_PAGE.of(exchange) && exchange.refusal === undefined) {
      // A new version of the application must not wait for the page of the old one.
      exchange.response.set("cache-control", "no-cache");
      exchange.response.delete("expires");
      exchange.response.append("vary", "accept");
    }
  }

  /** Sends the client to the path of a directory, so that its page's links begin there. */
  #redirect(exchange: Exchange): void {
    // A safe path begins with one slash and has no backslash: it never names another host.
    const query = exchange.query === undefined ? "" : `?${exchange.query}`;
    redirect(exchange, 308, `${exchange.path}/${query}`);
    // Without it a cache may keep this for as long as it likes.
    exchange.response.append("cache-control", this.#web.cache_control);
  }

  /** Path of what is sent in place of the file itself, if something is. */
  #variantPath(requested: RequestPath, exchange: Exchange): string | undefined {
    if (this.#precompressed === undefined) return undefined;
    try {
      const content = contentIn(this.#open(requested));
      if (content === undefined) return undefined;
      const variant = this.#precompressed.best(exchange, content, pathOf(exchange, content))
        ?.content;
      content.discard();
      variant?.discard();
      return variant?.representation.path;
    } catch {
      // Serving fails in the same way, and says so.
      return undefined;
    }
  }

  /** The file at a path of the file system, which is below the root. */
  #fileAt(path: string): Content | undefined {
    const { root } = this.#web;
    const decoded = root === "/" ? path : path.slice(root.length);
    const names = decoded.slice(1).split("/");
    return contentIn(this.#open({ decoded, names, isDirectory: false }));
  }

  /** The content that answers for a path, a directory to be listed, nothing, or a file that is not sent. */
  #open(requested: RequestPath): Found {
    const { memory } = this.#context;
    let hot = this.#files.get(requested.decoded);
    if (hot !== undefined && this.#isCurrent(hot)) {
      memory.files.touch(hot);
      return hot;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const place = this.#find(requested);
      if (hot !== undefined) {
        if (place !== undefined && hot.isStill(place.info)) {
          this.#markCurrent(hot);
          memory.files.touch(hot);
          return hot;
        }
        memory.files.drop(hot);
        hot = undefined;
      }
      if (place === undefined || place.info.isDirectory) return place;
      if (this.#isForbidden(place)) return "forbidden";
      const file = openFile(place);
      const content = file && this.#read(requested, place, file);
      if (content !== undefined) return content;
    }
    throw new Error(`${requested.decoded} changed whenever it was about to be read`);
  }

  /** Whether another module forbids the file that was found, whatever name led to it. */
  #isForbidden({ path }: Place): boolean {
    const { root } = this.#web;
    return this.#context.rule?.forbids(root === "/" ? path : path.slice(root.length)) === true;
  }

  /** Where the file or the directory to list is. */
  #find(requested: RequestPath): Place | undefined {
    if (this.#isKnownAbsent(requested.decoded)) return undefined;
    const found = locate(this.#web.root, requested.names, this.#links);
    if ("depth" in found) {
      this.#rememberAbsence("/" + requested.names.slice(0, found.depth).join("/"));
      return undefined;
    }
    if (found.info.isFile) return requested.isDirectory ? undefined : found;
    return locateAny(found, this.#web.index_files) ??
      (this.#web.directory_listing.enabled ? found : undefined);
  }

  /** Takes a small file into memory; a large one is answered with as it is open. */
  #read(requested: RequestPath, place: Place, file: OpenFile): Content | undefined {
    const { memory } = this.#context;
    // An index file lies one deeper than the names that were asked for.
    const index = place.above.length > requested.names.length
      ? place.path.slice(place.path.lastIndexOf("/") + 1)
      : "";
    const { size, modifiedMs } = file;
    const described = (contentTag?: string) =>
      new Representation(this.#web, place.path, index, size, modifiedMs, contentTag);
    const isKeepable = !requested.decoded.includes("%") && memory.hasRoomFor(file.size);
    if (!isKeepable) return new DiskContent(described(), file, this.#grown);
    try {
      const readAt = Date.now();
      const bytes = readWhole(file);
      if (bytes === undefined) return undefined;
      const representation = described(
        this.#web.etag === "strong" ? contentTag(bytes) : undefined,
      );
      const hot = new HotFile(
        this.#files,
        requested.decoded,
        representation,
        bytes,
        place.info,
        readAt,
      );
      if (memory.files.admit(hot)) {
        this.#files.set(requested.decoded, hot);
        this.#markCurrent(hot);
      }
      return hot;
    } finally {
      file.close();
    }
  }

  async #list(exchange: Exchange, requested: RequestPath, first: Place): Promise<void> {
    if (lacksSlash(exchange)) return this.#redirect(exchange);
    try {
      let directory: Place | undefined = first;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const entries = await readListing(directory, this.#web.deny_dotfiles);
        if (entries === "too many") {
          throw new Error(`${directory.path} has too many entries to list`);
        }
        if (entries !== "moved") {
          const isRoot = requested.names.length === 0;
          const options = this.#web.directory_listing;
          const path = directoryPath(exchange);
          const shown = entries.filter((entry) => !isGuarded(exchange, path, entry));
          exchange.status = 200;
          exchange.response = new Fields();
          exchange.response.append("content-type", "text/html; charset=utf-8");
          exchange.response.append("cache-control", "private, no-store");
          exchange.responseBody = encoder.encode(
            renderListing(shown, path, isRoot, options),
          );
          return;
        }
        directory = this.#find(requested);
        if (directory === undefined || directory.info.isFile) return;
      }
      throw new Error(`${requested.decoded} changed whenever it was listed`);
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  /** Says once why files are missing that seem to be there. Names the root, as above. */
  #refuseLink(): void {
    if (this.#hasRefusedLink) return;
    this.#hasRefusedLink = true;
    const { root, symlinks } = this.#web;
    const hint = symlinks === "refuse"
      ? 'set symlinks = "same-owner" or "inside-root" beside that root to follow those that may be'
      : `symlinks = "${symlinks}" beside that root does not allow it`;
    this.#context.log.log(
      "warn",
      "fluxheim",
      `a symbolic link below ${root} is not followed: ${hint}`,
    );
  }

  /** Names the root and not the file: builds that keep no traces log this, too. */
  readonly #grown = (): void => {
    this.#context.log.log(
      "info",
      "fluxheim",
      `a file below ${this.#web.root} grew while it was sent: ` +
        "the answer ends where the file did when it was opened",
    );
  };

  #isCurrent(entry: Remembered): boolean {
    const { clock, memory, watch } = this.#context;
    return entry.changes === watch.changes && clock.now - entry.checkedAt < memory.revalidateMs;
  }

  #markCurrent(entry: Remembered): void {
    entry.checkedAt = this.#context.clock.now;
    entry.changes = this.#context.watch.changes;
  }

  /** Whether the path, or a directory it would be in, was not there a moment ago. */
  #isKnownAbsent(path: string): boolean {
    if (this.#absences.size === 0) return false;
    const { absences } = this.#context.memory;
    for (let end = path.indexOf("/", 1);; end = path.indexOf("/", end + 1)) {
      const absence = this.#absences.get(end < 0 ? path : path.slice(0, end));
      if (absence !== undefined) {
        if (this.#isCurrent(absence)) {
          absences.touch(absence);
          return true;
        }
        absences.drop(absence);
      }
      if (end < 0) return false;
    }
  }

  #rememberAbsence(path: string): void {
    if (path.length > MAX_ABSENCE_KEY) return;
    const absence = new Absence(this.#absences, path);
    if (!this.#context.memory.absences.admit(absence)) return;
    this.#absences.set(path, absence);
    this.#markCurrent(absence);
  }

  #fail(exchange: Exchange, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#context.log.log("error", "fluxheim", `static file not served: ${reason}`);
    refuse(exchange, BROKEN);
  }
}

/** The content is the page of an application, sent for a path of its own. */
const APPLICATION_PAGE = new Slot(false);

/** A strong tag: the same bytes have the same one on every machine. */
function contentTag(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, TAG_CHARACTERS)}"`;
}

/** 144 bits. */
const TAG_CHARACTERS = 24;

/** The same path with `suffix` after its last name; `undefined` for a path that can only be a directory. */
function withSuffix(requested: RequestPath, suffix: string): RequestPath | undefined {
  if (requested.isDirectory) return undefined;
  const names = requested.names.slice();
  names[names.length - 1] += suffix;
  return { decoded: requested.decoded + suffix, names, isDirectory: false };
}

/** What of the client's path was taken off before the file was looked for. */
function basePath({ path, servedPath }: Exchange): string {
  return path.endsWith(servedPath) ? path.slice(0, path.length - servedPath.length) : "";
}

/** What a path leads to. */
type Found = Content | Place | "forbidden" | undefined;

function contentIn(found: Found): Content | undefined {
  return typeof found === "object" && "representation" in found ? found : undefined;
}

/**
 * Whether a directory was asked for without the slash that its path ends with. A path that a template made
 * says nothing about the one that was asked for, which may be no route's with a slash.
 */
function lacksSlash({ path, scope }: Exchange): boolean {
  return !path.endsWith("/") && scope?.route?.rewrite_template === undefined;
}

/** The path of what is served, as a client would ask for it by name. */
function pathOf(exchange: Exchange, { representation: { index } }: Content): string {
  return index === "" ? exchange.path : directoryPath(exchange) + percentEncodePath(index);
}

/** The path that what is in a directory is under. */
function directoryPath({ path }: Exchange): string {
  return path.endsWith("/") ? path : path + "/";
}

function refusalOf(problem: Exclude<PathProblem, "absent">): Refusal {
  return problem === "forbidden" ? FORBIDDEN : MALFORMED;
}

/** Whether another route than the listing's decides who may have `entry`. @param base The directory's path. */
function isGuarded(exchange: Exchange, base: string, { name, info }: Entry): boolean {
  const names = exchange.plan?.names;
  if (names === undefined) return false;
  const path = base + percentEncodePath(name);
  return names.of(exchange, path)?.isGuarded === true ||
    (info.isDirectory && names.of(exchange, path + "/")?.isGuarded === true);
}

/** All of a file, or `undefined` when it changes meanwhile. */
function readWhole(file: OpenFile): Uint8Array | undefined {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  while (at < bytes.length) {
    const count = file.read(bytes.subarray(at), bytes.length - at, at);
    if (count === 0) return undefined;
    at += count;
  }
  return file.isUnchanged() ? bytes : undefined;
}
