/**
 * The files a profile consists of, formatted as the project formats its code.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type EntryText, profileText, workerText } from "../features/entry_text.ts";
import { Failure } from "../command.ts";

/** The checkout, with a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** The two files of a profile by their name in the folder they stand in. */
export async function entryFiles(entry: EntryText): Promise<ReadonlyMap<string, string>> {
  return new Map([
    [`${entry.name}.ts`, await formatted(profileText(entry))],
    [`${entry.name}_worker.ts`, await formatted(workerText(entry))],
  ]);
}

/** `text` as `deno fmt` writes it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext=ts", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Failure("deno fmt refused a generated file");
  return new TextDecoder().decode(stdout);
}
