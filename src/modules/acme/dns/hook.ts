/** The operator's program that changes a zone. @module */
import { programFault } from "../../../gateway/threads/trusted_program.ts";
import { shown } from "../client/acme_error.ts";
import type { TxtRecord } from "./txt_record.ts";

/** Time for one run. */
const LIMIT_MS = 60_000;
/** Most of what it says that is read. */
const MAX_OUTPUT_BYTES = 4096;
/** How long the rest of it is waited for when the program has ended. */
const REST_MS = 1_000;

/**
 * Runs the program.
 *
 * @param limitMs Time for the run.
 * @throws {Error} When it fails, with the beginning of what it has said.
 */
export async function runHook(
  program: string,
  action: "present" | "cleanup",
  { name, value }: TxtRecord,
  limitMs = LIMIT_MS,
): Promise<void> {
  const fault = programFault(program);
  if (fault !== undefined) throw new Error(`${program} ${fault}`);
  const child = new Deno.Command(program, {
    args: [action, name, value],
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = new Output(child.stderr);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill(child);
  }, limitMs);
  try {
    const { code, success } = await child.status;
    if (isLate) throw new Error(`${program} has taken more than ${limitMs / 1000} s`);
    if (success) return;
    const said = await output.text();
    throw new Error(`${program} has ended with ${code}${said && `: ${shown(said)}`}`);
  } finally {
    clearTimeout(timer);
    output.close();
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended at this very moment.
  }
}

/** What a program says. Programs that it has started and left behind may keep its end open for ever. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #whole: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.#whole = this.#read();
  }

  /** All of it, or what has come a moment after the program has ended. */
  async text(): Promise<string> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, REST_MS);
    await Promise.race([this.#whole, late.promise]);
    clearTimeout(timer);
    return this.#text;
  }

  /** Reads nothing more. */
  close(): void {
    void this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      // What it says beyond the bound is read and forgotten: a full pipe would stop it.
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) return;
        if (this.#text.length < MAX_OUTPUT_BYTES) {
          this.#text += decoder.decode(value, { stream: true });
        }
      }
    } catch {
      // Its end cannot be read: what has come is what there is.
    }
  }
}
