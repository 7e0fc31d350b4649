/**
 * Writes `docs/config.md`, the reference of all configuration keys, from the schemas of the modules in
 * profile `development`. With `--check` it writes nothing and ends with status 1 when the file is not
 * what it would write.
 *
 * @module
 */
import { configReference } from "../../src/config/schema/docs.ts";
import { profile } from "../../src/profiles/development.ts";

const ROOT = new URL("../../", import.meta.url);
const REFERENCE = new URL("docs/config.md", ROOT);

if (import.meta.main) {
  const text = await formatted(configReference(profile.modules.flatMap((module) => module.schema)));
  if (!Deno.args.includes("--check")) {
    Deno.writeTextFileSync(REFERENCE, text);
  } else if (current() !== text) {
    console.error("docs/config.md is not what the schemas say; run: deno task docs");
    Deno.exit(1);
  }
}

function current(): string {
  try {
    return Deno.readTextFileSync(REFERENCE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Formats as `deno fmt` does in this repository, so that checking the format finds nothing to change. */
async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", "md", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await output;
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}
