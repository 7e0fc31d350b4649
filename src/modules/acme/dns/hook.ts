/** The operator's program that changes a zone. @module */
import { programFault } from "../../../gateway/trusted_program.ts";
import { shown } from "../client/acme_error.ts";
import type { TxtRecord } from "./txt_record.ts";

/** Time for one run. */
const LIMIT_MS = 60_000;
/** Most of what it says that is read. */
const MAX_OUTPUT_BYTES = 4096;

/** @throws {Error} When it fails, with the beginning of what it has said. */
export async function runHook(
  program: string,
  action: "present" | "cleanup",
  { name, value }: TxtRecord,
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
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, LIMIT_MS);
  try {
    const [said, { code, success }] = await Promise.all([outputOf(child.stderr), child.status]);
    if (isLate) throw new Error(`${program} has taken more than ${LIMIT_MS / 1000} s`);
    if (!success) throw new Error(`${program} has ended with ${code}${said && `: ${shown(said)}`}`);
  } finally {
    clearTimeout(timer);
  }
}

async function outputOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  // What it says beyond the bound is read and forgotten: a full pipe would stop it.
  for await (const bytes of stream) {
    if (text.length < MAX_OUTPUT_BYTES) text += decoder.decode(bytes, { stream: true });
  }
  return text;
}
