/**
 * Paths that the runtime gives to no program with limited permissions, whatever it was started with: a
 * configuration that names one is refused, before something fails in the middle of a start or a request.
 *
 * @module
 */
import type { Problem } from "../types.ts";

/** What is wrong with a path, as the rest of a sentence that begins with its key, and a way out. */
export type PathProblem = Pick<Problem, "message" | "hint">;

/**
 * Directories in which the runtime (2.9.6) asks for `--allow-all`, for a look as for anything else. A
 * grant that names such a path is believed by `Deno.permissions.query` and by nothing else. No thread
 * has all permissions when it serves: workers never do, and the keeper gives up some before.
 */
const CLOSED = ["/dev", "/proc", "/sys"];

/** Devices among them that it treats like any other path. Their directory stays closed. */
const OPEN_DEVICES = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/** What people write for the streams that logs may go to. */
const STREAMS: ReadonlyMap<string, string> = new Map([
  ["/dev/stdout", "stdout"],
  ["/dev/fd/1", "stdout"],
  ["/proc/self/fd/1", "stdout"],
  ["/dev/stderr", "stderr"],
  ["/dev/fd/2", "stderr"],
  ["/proc/self/fd/2", "stderr"],
]);

/** Whether the runtime keeps an absolute path without `..` from every thread that serves. */
export function isClosed(path: string): boolean {
  return closedDirectory(path) !== undefined;
}

/** Why no configuration may name the absolute `path`; `undefined` when nothing is known against it. */
export function whyUnusable(path: string): PathProblem | undefined {
  const closed = closedDirectory(path);
  if (closed !== undefined) {
    const stream = STREAMS.get(path);
    return {
      message:
        `leads into ${closed}, which the runtime opens to no program with limited permissions`,
      hint: stream === undefined
        ? "use a place outside of /dev, /proc and /sys; /run is in memory as well"
        : `logs go there with logging.target = "${stream}" and without [logging.file]`,
    };
  }
  if (!path.includes(",")) return undefined;
  return {
    message: "has a comma, which separates paths where the runtime gets its permissions: no " +
      "permission can be given for this one",
    hint: "rename it, or the directory that has the comma in its name",
  };
}

function closedDirectory(path: string): string | undefined {
  if (OPEN_DEVICES.includes(path)) return undefined;
  return CLOSED.find((directory) => path === directory || path.startsWith(`${directory}/`));
}
