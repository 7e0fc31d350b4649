/**
 * Looking at the file system without asking for more than the process was given. Under a narrow
 * permission set most ancestors of a path cannot be looked at; that is not the operator's mistake, and
 * it must not raise a prompt.
 *
 * @module
 */
import { isClosed } from "./unusable_path.ts";

/** What is at a path; `hidden` when this process may not look. */
export type Facts =
  | { readonly kind: "there"; readonly info: Deno.FileInfo }
  | { readonly kind: "missing" }
  | { readonly kind: "hidden" }
  | { readonly kind: "error"; readonly reason: string };

/** Facts about `path` itself (`follow` false) or about what it leads to. */
export function factsOf(path: string, follow = false): Facts {
  if (!mayRead(path)) return { kind: "hidden" };
  try {
    return { kind: "there", info: follow ? Deno.statSync(path) : Deno.lstatSync(path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "missing" };
    return { kind: "error", reason: whyNot(error) };
  }
}

/** Whether this process may read `path`. The runtime reports closed ones as readable too. */
export function mayRead(path: string): boolean {
  return !isClosed(path) && Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** The reason of an I/O error in a few words; anything else is thrown on. */
export function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied (run as the service user)";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "this process was not started with the permission for it";
  }
  if (error instanceof Error && (error instanceof Deno.errors.NotFound || "code" in error)) {
    return error.message.replace(/ \(os error.*$/s, "").toLowerCase();
  }
  throw error;
}

/** What the walk from `/` to a path met. */
export type Way =
  /** No symbolic link, up to the path or to its first missing component. */
  | { readonly kind: "direct" }
  | { readonly kind: "link"; readonly at: string }
  | { readonly kind: "error"; readonly at: string; readonly reason: string };

/**
 * Looks for symbolic links on the way to an absolute path. Where components are hidden, what can be
 * seen behind them is resolved: it comes out as it went in unless one of them is a link.
 */
export function wayTo(path: string): Way {
  let hidden = false;
  let deepest: string | undefined;
  for (const at of beginnings(path)) {
    const facts = factsOf(at);
    if (facts.kind === "error") return { kind: "error", at, reason: facts.reason };
    if (facts.kind === "missing") break;
    if (facts.kind === "hidden") hidden = true;
    else if (facts.info.isSymlink) return { kind: "link", at };
    else deepest = at;
  }
  if (!hidden || deepest === undefined) return { kind: "direct" };
  try {
    const direct = Deno.realPathSync(deepest) === deepest;
    return direct ? { kind: "direct" } : { kind: "link", at: parentOf(deepest) };
  } catch (error) {
    return { kind: "error", at: deepest, reason: whyNot(error) };
  }
}

/** Asked for once: it never changes, and the permission is given up after the start. */
let uid: number | undefined;

/** Who this process runs as, or `undefined` where it may not know. */
export function serviceUid(): number | undefined {
  if (uid === undefined) {
    const { state } = Deno.permissions.querySync({ name: "sys", kind: "uid" });
    uid = (state === "granted" ? Deno.uid() : null) ?? undefined;
  }
  return uid;
}

/** `/`, then every longer beginning of an absolute path, up to the path itself. */
export function beginnings(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return ["/", ...parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`)];
}

/** The directory a path is in; of `/` it is `/`. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}
