import assert from "node:assert/strict";
import { newDirectory } from "../../../config/testing/files.ts";
import { runHook } from "./hook.ts";

const RECORD = { name: "_acme-challenge.shop.test.", value: "proof" };

/** A program of root's that does what `lines` say. */
function program(lines: string): string {
  const path = `${newDirectory()}/dns-hook`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${lines}\n`);
  Deno.chmodSync(path, 0o755);
  return path;
}

/** Ends what a program of a test has left behind, and says that it was there. */
function endLeft(path: string): boolean {
  try {
    Deno.kill(Number(Deno.readTextFileSync(`${path}.left`)), "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

const ignore = Deno.uid() !== 0;

/** Leaves a program behind that holds the output. */
const LEAVE = `tail -f /dev/null &\necho $! > "$0.left"`;

Deno.test({
  name: "a program that has ended is over, although what it has started holds its output",
  ignore,
  async fn() {
    const well = program(`${LEAVE}\nexit 0`);
    await runHook(well, "present", RECORD);
    assert.ok(endLeft(well));
    const failing = program(`${LEAVE}\necho no such zone >&2\nexit 3`);
    await assert.rejects(
      runHook(failing, "present", RECORD),
      /dns-hook has ended with 3: no such zone$/,
    );
    assert.ok(endLeft(failing));
  },
});

Deno.test({
  name: "a program that does not end is ended, and what it has started does not matter",
  ignore,
  async fn() {
    const path = program(`${LEAVE}\nwait`);
    await assert.rejects(runHook(path, "present", RECORD, 200), /has taken more than 0\.2 s/);
    assert.ok(endLeft(path));
  },
});
