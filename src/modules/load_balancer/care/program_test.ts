import assert from "node:assert/strict";
import { programProblems } from "./program.ts";
import { configIn } from "../testing/care.ts";

function problems(command: string): string[] {
  const config = configIn(`[proxy]\nupstreams = ["127.0.0.1:1", "127.0.0.1:2"]
[proxy.load_balance.health_check]\nprotocol = "exec"
exec_command = "${command}"\nexec_allowed_commands = ["${command}"]`);
  return [...programProblems(config)].map(({ message }) => message);
}

Deno.test("a health program must be one that only root can change, and no interpreter", async () => {
  assert.deepEqual(problems("/bin/true"), []);
  assert.match(problems("/bin/sh")[0], /must not be a shell/);
  assert.match(problems("/usr/bin/python3")[0], /must not be a shell/);
  assert.match(problems("/no/such/program")[0], /does not exist/);
  const dir = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(`${dir}/check`, "#!/bin/sh\n");
    Deno.chmodSync(`${dir}/check`, 0o644);
    assert.match(problems(`${dir}/check`)[0], /must be executable/);
    Deno.chmodSync(`${dir}/check`, 0o777);
    assert.match(problems(`${dir}/check`)[0], /must belong to root/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
