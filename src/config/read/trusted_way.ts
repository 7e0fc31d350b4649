/**
 * Paths to keys and certificates, which may go through symbolic links: certbot's `live` directory is made of
 * them, and so is a volume of Kubernetes, where one link (`..data`) puts all files in place at once. What a
 * link leads to is trusted when no other user can have made or can change it: every link is in a directory
 * that only its owner writes to, or, in one with the sticky bit (such a volume is one), belongs to root or to
 * the user this runs as; and what is at the end is in a directory of the first kind.
 *
 * @module
 */
import { factsOf, parentOf, serviceUid, whyNot } from "./file_facts.ts";
import { MODE } from "./file_look.ts";
import { type PathProblem, whyUnusable } from "./unusable_path.ts";

/** Most links on the way, as the kernel has it. */
const MAX_LINKS = 40;
const STICKY = 0o1000;

/** Why the absolute `path` is not to be trusted, or its links are not. What is hidden is passed over. */
export function trustedWayProblem(path: string): PathProblem | undefined {
  const rest = partsOf(path);
  let at = "/";
  let links = 0;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "..") {
      at = parentOf(at);
      continue;
    }
    const here = at === "/" ? `/${part}` : `${at}/${part}`;
    const facts = factsOf(here);
    if (facts.kind === "error") {
      return { message: `could not be inspected at ${here}: ${facts.reason}` };
    }
    if (facts.kind === "missing") return directoryProblem(here, undefined);
    if (facts.kind === "there" && facts.info.isSymlink) {
      if (++links > MAX_LINKS) return { message: `is an unsafe path: ${path} has too many links` };
      const problem = directoryProblem(here, facts.info);
      if (problem !== undefined) return problem;
      const target = targetOf(here);
      if (typeof target !== "string") return target;
      if (target.startsWith("/")) at = "/";
      rest.unshift(...partsOf(target));
    } else {
      at = here;
    }
  }
  return (at === path ? undefined : whyUnusable(at)) ?? directoryProblem(at, undefined);
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function targetOf(link: string): string | PathProblem {
  try {
    return Deno.readLinkSync(link);
  } catch (error) {
    return { message: `could not be inspected at ${link}: ${whyNot(error)}` };
  }
}

/** Whether others can put something else in the place of `entry`; only its nearest directory counts. */
function directoryProblem(
  entry: string,
  link: Deno.FileInfo | undefined,
): PathProblem | undefined {
  let directory = parentOf(entry);
  let facts = factsOf(directory, true);
  while (facts.kind === "missing" && directory !== "/") {
    directory = parentOf(directory);
    facts = factsOf(directory, true);
  }
  if (facts.kind === "error") {
    return { message: `could not be inspected at ${directory}: ${facts.reason}` };
  }
  if (facts.kind !== "there") return undefined;
  const mode = facts.info.mode ?? 0;
  if ((mode & MODE.othersWrite) === 0) return undefined;
  if (link !== undefined && (mode & STICKY) !== 0 && isTrusted(link.uid)) return undefined;
  return {
    message: `is an unsafe path: ${directory} is writable by its group or by everyone`,
    hint: `use another directory or run chmod go-w ${directory}`,
  };
}

/** Whether a file of user `uid` is as good as our own. */
export function isTrusted(uid: number | null): boolean {
  return uid === null || uid === 0 || uid === (serviceUid() ?? uid);
}
