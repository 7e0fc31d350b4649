/**
 * One call of `deno compile`, so that its output depends on nothing but the checkout, the lock and the
 * base binary.
 *
 * @module
 */
import { relative } from "node:path";
import type { Profile } from "../../runtime/profile.ts";
import { Failure } from "../command.ts";
import { ROOT } from "./entry_files.ts";
import { licences, npmPackages, unusedFiles } from "./npm_files.ts";

/** What the program will be allowed, for good. */
export type Lock =
  /** The permission set of the profile, by its name in `deno.json`. */
  | { readonly kind: "profile"; readonly set: Profile }
  /** Flags of one configuration; the program runs `source` and nothing else. */
  | { readonly kind: "deployment"; readonly flags: readonly string[]; readonly source: string };

/** What is to be built. */
export interface Program {
  /** Absolute path of the entry. */
  readonly entry: string;
  /** Name of the profile; the program's identity, whatever its file is called. */
  readonly name: string;
  readonly lock: Lock;
  /** Absolute. */
  readonly output: string;
  readonly target: string | undefined;
}

/**
 * Variables that `deno compile` may see. Others could change what it bakes in: V8 flags, telemetry,
 * certificate settings.
 */
const PASSED_ON = ["PATH", "HOME", "DENO_DIR", "DENORT_BIN", "HTTPS_PROXY", "NO_PROXY"];

/** What `deno compile` says when it cannot have the program that the code is appended to. */
const NO_BASE = /Setting up base binary|denort/;

/**
 * Builds one program, and beside it a file `.licences.txt` for the packages that are in it.
 *
 * @throws {Failure} when it cannot be built, with the way out where the base binary is missing.
 */
export async function compileProgram(program: Program): Promise<void> {
  const packages = await npmPackages(program.entry);
  const worker = program.entry.replace(/\.ts$/, "_worker.ts");
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      // Types are checked by `deno task check`; the outcome is the same.
      "--no-check",
      "--no-prompt",
      "--exclude-unused-npm",
      // Would be written beside the program's own permissions to a temporary directory at its first run.
      "--no-code-cache",
      `--app-name=fluxheim-${program.name}`,
      ...(program.target === undefined ? [] : [`--target=${program.target}`]),
      ...lockFlags(program.lock),
      `--include=${relative(ROOT, worker)}`,
      ...(await unusedFiles(packages)).map((path) => `--exclude=${path}`),
      `--output=${program.output}`,
      relative(ROOT, program.entry),
      ...(program.lock.kind === "deployment" ? ["--config", program.lock.source] : []),
    ],
    cwd: ROOT,
    clearEnv: true,
    env: { ...environment(), NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) {
    await Deno.writeTextFile(`${program.output}.licences.txt`, await licences(packages));
    return;
  }
  const said = new TextDecoder().decode(stderr);
  throw new Failure(NO_BASE.test(said) ? `${said.trim()}\n\n${HOW_TO_GET_THE_BASE}` : said.trim());
}

const HOW_TO_GET_THE_BASE = `\
A compiled program is the base binary "denort" of this Deno version (${Deno.version.deno}) with the code
behind it, and the base binary could not be had. Where this machine has no way to Deno's download
server, get denort-${Deno.build.target}.zip of this version elsewhere and either
  - set DENORT_BIN to the path of the unpacked denort, or
  - put the zip into dl/release/v${Deno.version.deno}/ below the directory that DENO_DIR names.`;

function lockFlags(lock: Lock): readonly string[] {
  return lock.kind === "profile" ? [`--permission-set=${lock.set.name}`] : lock.flags;
}

function environment(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = Deno.env.get(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}
