/**
 * One call of `deno compile`, so that its output depends on nothing but the checkout, the lock and the
 * base binary.
 *
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Profile, threadEntries as entriesOf } from "../../runtime/threads/profile.ts";
import { Failure } from "../command.ts";
import type { PermissionSet } from "../features/manifest_text.ts";
import { ROOT } from "./entry_files.ts";
import { forgetFileTimes } from "./file_times.ts";
import { licences, npmPackages, unusedFiles } from "./npm_files.ts";

/** What the program will be allowed, for good. */
export type Lock =
  /** The permission set of the profile. */
  | { readonly kind: "profile"; readonly set: PermissionSet }
  /** Flags of one configuration; the program runs `source` and nothing else. */
  | { readonly kind: "deployment"; readonly flags: readonly string[]; readonly source: string };

/** What is to be built. */
export interface Program {
  /** Absolute path of the entry. */
  readonly entry: string;
  /** Absolute paths of what its threads begin with: no static import leads there. */
  readonly threads: readonly string[];
  /** Name of the profile; the program's identity, whatever its file is called. */
  readonly name: string;
  readonly lock: Lock;
  /** Absolute. */
  readonly output: string;
  readonly target: string | undefined;
}

/** Files that the threads of a profile begin with: that of its edge workers, and those of services. */
export function threadEntries(profile: Profile): string[] {
  return entriesOf(profile).map((url) => fileURLToPath(url));
}

/**
 * Variables that `deno compile` may see. Others could change what it bakes in: V8 flags, telemetry,
 * certificate settings.
 */
const PASSED_ON = [
  "PATH",
  "HOME",
  "XDG_CACHE_HOME",
  "DENO_DIR",
  "DENORT_BIN",
  "HTTPS_PROXY",
  "https_proxy",
  "NO_PROXY",
  "no_proxy",
];

/** What `deno compile` says when it cannot have the program that the code is appended to. */
const NO_BASE = /Setting up base binary|denort/;

/**
 * Builds one program, and beside it a file `.licences.txt` for the packages that are in it.
 *
 * @throws {Failure} when it cannot be built, with the way out where the base binary is missing.
 */
export async function compileProgram(program: Program): Promise<void> {
  const packages = await npmPackages(program.entry);
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
      ...program.threads.map((path) => `--include=${relative(ROOT, path)}`),
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
    // A program for macOS is signed, times and all, and would not start without its signature.
    if (!targetOf(program).includes("apple")) await forgetFileTimes(program.output);
    await Deno.writeTextFile(`${program.output}.licences.txt`, await licences(packages));
    return;
  }
  const said = new TextDecoder().decode(stderr);
  throw new Failure(
    NO_BASE.test(said) ? `${said.trim()}\n\n${howToGetTheBase(targetOf(program))}` : said.trim(),
  );
}

function targetOf({ target = Deno.build.target }: Program): string {
  return target;
}

function howToGetTheBase(target: string): string {
  const version = Deno.version.deno;
  return `\
A compiled program is the base binary "denort" of this Deno version (${version}) with the code
behind it, and the base binary could not be had. Where this machine has no way to Deno's download
server, get denort-${target}.zip of this version elsewhere and either
  - set DENORT_BIN to the path of the unpacked denort, or
  - put the zip into dl/release/v${version}/ below the directory that DENO_DIR names.`;
}

function lockFlags(lock: Lock): readonly string[] {
  if (lock.kind === "deployment") return lock.flags;
  return Object.entries(lock.set).flatMap(([kind, value]) => {
    if (value === false) return [];
    return value === true ? `--allow-${kind}` : `--allow-${kind}=${value.join(",")}`;
  });
}

function environment(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = Deno.env.get(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}
