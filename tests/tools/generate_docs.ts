/**
 * Writes what follows from the schemas: `docs/config.md`, the reference of all configuration keys of profile
 * `development`, and `src/config/schema/core_tables.ts`, the types of the gateway's own tables. With
 * `--check` it writes nothing and ends with status 1 when a file is not what it would write.
 *
 * @module
 */
import { coreTypes } from "../../src/config/schema/generated/core_types.ts";
import { configReference } from "../../src/config/schema/generated/docs.ts";
import { profile } from "../../src/profiles/development.ts";

const ROOT = new URL("../../", import.meta.url);

if (import.meta.main) {
  const reference = configReference(profile.modules.flatMap((module) => module.schema));
  await put("docs/config.md", await formatted(reference, "md"));
  // Of a long union the formatter makes its final form in its second pass.
  await put(
    "src/config/schema/core_tables.ts",
    await formatted(await formatted(coreTypes(), "ts"), "ts"),
  );
}

async function put(path: string, text: string): Promise<void> {
  const file = new URL(path, ROOT);
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(file, text);
  } else if (current(file) !== text) {
    console.error(`${path} is not what the schemas say; run: deno task docs`);
    Deno.exitCode = 1;
  }
}

function current(file: URL): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Formats as `deno fmt` does in this repository, so that checking the format finds nothing to change. */
async function formatted(text: string, extension: "md" | "ts"): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", extension, "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await output;
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}
