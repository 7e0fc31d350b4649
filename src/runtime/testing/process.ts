/**
 * The probe build as a process of its own, for tests of how a process begins and ends.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { TestConfig } from "./keeper.ts";

const MAIN = fileURLToPath(new URL("./probe_main.ts", import.meta.url));

/** A running process. */
export interface TestProcess {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Does nothing when it has ended. */
  kill(signal: Deno.Signal): void;
  /** How it ended, and what it wrote to standard error. */
  ended(): Promise<{ code: number; stderr: string }>;
}

/**
 * Starts a process and waits until it serves.
 *
 * @param env Added to the environment of the tests.
 * @param flags Of the runtime, beside its permissions.
 * @throws With what it wrote to standard error, when it ends instead.
 */
export async function startProcess(
  config: TestConfig,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<TestProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", ...flags, MAIN, JSON.stringify(config)],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await output.read();
    if (done) {
      await child.status;
      throw new Error(`the process ended before it served: ${await stderr}`);
    }
    text += value;
  }
  return {
    address: text.slice("ready ".length, text.indexOf("\n")),
    kill(signal) {
      try {
        child.kill(signal);
      } catch {
        // It has ended.
      }
    },
    async ended() {
      while (!(await output.read()).done);
      const { code } = await child.status;
      return { code, stderr: await stderr };
    },
  };
}
