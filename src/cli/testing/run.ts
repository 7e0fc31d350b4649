/** Command lines in tests: run in this thread, what they write kept. @module */
import type { Module } from "../../gateway/module.ts";
import type { Profile } from "../../runtime/profile.ts";
import { cli } from "../cli.ts";

/** How a command line ended and what it said. */
export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A build with `modules`, whose workers are never started. */
export function profileOf(...modules: Module[]): Profile {
  return { name: "test", modules, workerUrl: new URL("about:blank") };
}

/** Runs `argv` as the program `profile`. */
export async function runCli(profile: Profile, ...argv: string[]): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
  };
  const status = await cli(profile, argv, io);
  return { status, out: out.join("\n"), err: err.join("\n") };
}

/** Hands `use` the path of a file with `text`, in a directory of its own that is gone afterwards. */
export async function withConfig(
  text: string,
  use: (path: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/fluxheim.toml`;
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    await use(path, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
