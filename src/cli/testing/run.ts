/** Command lines in tests: run in this thread, what they write kept. @module */
import type { Module } from "../../gateway/module.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import { cli } from "../cli.ts";
import type { Io } from "../command.ts";
import { newDirectory, putFile } from "../../config/testing/files.ts";

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

/** An `Io` that keeps what is written. */
export class RecordedIo implements Io {
  readonly #out: string[] = [];
  readonly #err: string[] = [];
  readonly out = (line: string) => void this.#out.push(line);
  readonly err = (line: string) => void this.#err.push(line);

  constructor(readonly program: string) {}

  ended(status: number): Ended {
    return { status, out: this.#out.join("\n"), err: this.#err.join("\n") };
  }
}

/** Runs `argv` as the program `profile`. */
export async function runCli(profile: Profile, ...argv: string[]): Promise<Ended> {
  const io = new RecordedIo("fluxheim");
  return io.ended(await cli(profile, argv, io));
}

/** Hands `use` the path of a file with `text`, in a directory of its own that is gone afterwards. */
export async function withConfig(
  text: string,
  use: (path: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = newDirectory();
  try {
    const path = `${directory}/fluxheim.toml`;
    putFile(path, text);
    await use(path, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
