/** `deno task start`: what it started ends with it, however it ends. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { accepts, Process, until } from "../testing/peer.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** As `deno task` does, or by itself. */
const WAYS = {
  "deno task start": ["task", "start"],
  "src/cli/start.ts": ["run", "-A", "-q", "src/cli/start.ts"],
};

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

for (const [way, args] of Object.entries(WAYS)) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const) {
    Deno.test(`${way} ended by ${signal} leaves nothing behind`, async () => {
      await using start = new Process(Deno.execPath(), args, { cwd: root });
      const found = (pattern: RegExp) => pattern.exec(start.output)?.[1] ?? "";
      await until(
        "it is announced",
        () => start.status !== undefined || start.output.includes("stop it with Ctrl-C"),
      );
      assert.equal(start.status, undefined, start.output);
      const gateway = Number(found(/listening on http:\/\/127\.0\.0\.1:(\d+)/));
      const app = Number(found(/example application on port (\d+)/));
      const directory = found(/configuration: (\S+)\/fluxheim\.toml/);
      start.signal(signal);
      const left = async () =>
        await accepts(gateway) || await accepts(app) || await exists(directory);
      await until("all is gone", async () => !await left());
    });
  }
}
