/**
 * The files a profile consists of, formatted as the project formats its code.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import {
  type EntryText,
  profileText,
  programText,
  serviceText,
  type SharedService,
  sharedServices,
  workerText,
} from "../features/entry_text.ts";
import { Failure } from "../command.ts";

/** The checkout, with a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** The files of a profile of the catalog, by their path below the checkout. */
export async function profileFiles(
  entry: Omit<EntryText, "source">,
): Promise<ReadonlyMap<string, string>> {
  const { name } = entry;
  const text = { ...entry, source: ".." };
  return new Map([
    [`src/profiles/${name}.ts`, await formatted(profileText(text))],
    [`src/profiles/${name}_worker.ts`, await formatted(workerText(text))],
    ...await serviceFiles(text, (role) => `src/profiles/${name}_${role}.ts`),
    [
      entryPath(name),
      await formatted(programText(entry, `../../profiles/${name}.ts`, "..")),
    ],
  ]);
}

/** The program with a profile of the catalog, below the checkout. */
export function entryPath(profile: string): string {
  return `src/cli/entries/${profile}.ts`;
}

/** The files of a custom profile by their name in the folder they are in. */
export async function customFiles(entry: EntryText): Promise<ReadonlyMap<string, string>> {
  const { name, source } = entry;
  return new Map([
    [`${name}_profile.ts`, await formatted(profileText(entry))],
    [`${name}_worker.ts`, await formatted(workerText(entry))],
    ...await serviceFiles(entry, (role) => `${name}_${role}.ts`),
    [`${name}.ts`, await formatted(programText(entry, `./${name}_profile.ts`, `${source}/cli`))],
  ]);
}

async function serviceFiles(
  entry: EntryText,
  path: (role: SharedService) => string,
): Promise<[string, string][]> {
  return await Promise.all(
    sharedServices(entry.folders).map(async (role): Promise<[string, string]> => [
      path(role),
      await formatted(serviceText(role, entry)),
    ]),
  );
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
