/**
 * The proof that nothing was swapped for a symbolic link between looking at a path and opening it.
 *
 * A user that may write below a root can put a link in the place of a directory, wait for the open,
 * and put the directory back before the path is looked at again. Comparing the open file with one more
 * look is therefore not enough: a few thousand swaps a second slip through. Two things are:
 *
 * - A directory whose entries change gets a new change time. When every directory on the way had been
 *   left alone for longer than a change time is exact, and all still have the same one after the open,
 *   no entry was touched in between. This is the usual case and costs one more look a directory.
 * - Otherwise the way is looked at again many times, each time at a place that cannot be foreseen. Each
 *   look at a directory wants the directory back in its place, each look at the target wants the link
 *   there, so every look is a guess that the other side must win.
 *
 * @module
 */
import { isSame, look, type Looker, type Place, type Sight } from "./lookup.ts";

/**
 * How long something must have been left alone before any later change gives it another change time. The
 * runtime has change times in whole seconds, and the kernel's own clock for them may be one tick, at
 * most 10 ms, behind.
 */
const SETTLED_MS = 1000 + 20;

/** Looks at each place on the way when directories have just changed: missed with less than e^-24. */
const LOOKS_A_PLACE = 24;

/**
 * Whether `targets` were reached through the directories of `place` and nothing else. Call it after
 * they were opened or read.
 *
 * @param directories Root first, each as it was before.
 * @param targets What was opened or read below the last of them, as it is known from the open file or
 * from having been looked at.
 * @param place How, and since when, they were looked at.
 */
export function isUnmoved(
  directories: readonly Sight[],
  targets: readonly Sight[],
  place: Pick<Place, "looker" | "isLinked" | "lookedAt">,
): boolean {
  const { looker, isLinked, lookedAt } = place;
  // A link may lead through directories that were not looked at, so what these show is no proof.
  return !isLinked && directories.every(({ info }) => isSettled(info, lookedAt))
    ? wereLeftAlone(directories)
    : canBeFoundAgain(directories, targets, looker);
}

/** The directories that `place`, a directory, and what is in it are reached through. */
export function wayInto(place: Place): readonly Sight[] {
  return [...place.above, place];
}

/** Whether every change after `time`, in milliseconds since 1970, gives this another change time. */
export function isSettled(info: Deno.FileInfo, time: number): boolean {
  const changed = info.ctime?.getTime();
  return changed !== undefined && changed + SETTLED_MS <= time;
}

/** Deepest first, so that each directory is watched for longer than those below it. */
function wereLeftAlone(directories: readonly Sight[]): boolean {
  for (let i = directories.length - 1; i >= 0; i--) {
    const { path, info } = directories[i];
    const now = look(path);
    if (
      now === undefined || !now.isDirectory || !isSame(now, info) ||
      now.ctime?.getTime() !== info.ctime?.getTime() ||
      now.mtime?.getTime() !== info.mtime?.getTime()
    ) return false;
  }
  return true;
}

function canBeFoundAgain(
  directories: readonly Sight[],
  targets: readonly Sight[],
  looker: Looker,
): boolean {
  const places = directories.length + 1;
  const choices = crypto.getRandomValues(new Uint32Array(2 * LOOKS_A_PLACE * places));
  for (let i = 0; i < choices.length; i += 2) {
    const at = choices[i] % places;
    if (at < directories.length) {
      const now = looker.look(directories[at].path);
      if (!now?.isDirectory || !isSame(now, directories[at].info)) return false;
    } else if (targets.length > 0) {
      const target = targets[choices[i + 1] % targets.length];
      const now = looker.look(target.path);
      if (now === undefined || now.isSymlink || !isSame(now, target.info)) return false;
    }
  }
  return true;
}
