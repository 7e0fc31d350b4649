/** Programs that prepare an application. @module */
import { find } from "../testing/peer.ts";

/** Runs a program to its end, which must be a good one. */
export async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(find(program) ?? program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}
