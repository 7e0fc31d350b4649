/**
 * Programs that an operator names: one that other users can change, or that runs whatever it is given, is refused,
 * because running it leaves the sandbox of the runtime.
 *
 * @module
 */

/** Programs that run what their arguments say. */
const INTERPRETERS =
  /^(?:ba|da|z|k|c|tc|fi|a)?sh$|^(?:busybox|env|xargs|sudo|su|setsid|nice|timeout|deno|node|perl|awk|gawk|mawk|ruby|lua|php|tclsh)$|^python[\d.]*$|^fluxheim/;
const OTHERS_MAY_WRITE = 0o022;

/** Why a program must not be run, as the rest of a sentence. */
export function programFault(command: string): string | undefined {
  const name = command.slice(command.lastIndexOf("/") + 1);
  if (INTERPRETERS.test(name)) return "must not be a shell, an interpreter or the gateway itself";
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(command);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "does not exist";
    // A process that may run it need not be able to look at it.
    return undefined;
  }
  if (!info.isFile) return "must be a file";
  if (((info.mode ?? 0) & 0o111) === 0) return "must be executable";
  if (info.uid !== 0 || ((info.mode ?? 0) & OTHERS_MAY_WRITE) !== 0) {
    return "must belong to root and be writable by root alone";
  }
  return undefined;
}
