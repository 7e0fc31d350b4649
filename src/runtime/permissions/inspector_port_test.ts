import assert from "node:assert/strict";
import { INSPECTOR, takeInspectorPort } from "./inspector_port.ts";

/** Another gateway on this machine has the port: what happens without one cannot be shown. */
const taken = (() => {
  try {
    Deno.listen(INSPECTOR).close();
    return false;
  } catch {
    return true;
  }
})();

/** Whether an inspector answers on the port within a second. */
async function inspectorAnswers(): Promise<boolean> {
  for (let waited = 0; waited < 1000; waited += 50) {
    try {
      const url = `http://${INSPECTOR.hostname}:${INSPECTOR.port}/json/version`;
      const response = await fetch(url, { signal: AbortSignal.timeout(50) });
      return (await response.text()).includes("V8");
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return false;
}

/**
 * Sends SIGUSR1 to a program that runs for some time, once it says that it runs.
 *
 * @param onWord Called before, when it has said something else.
 */
async function signalled(script: string, onWord?: () => void): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  // The runtime listens for the signal only some time after the start.
  const tail = 'setTimeout(() => console.log("up"), 700); setInterval(() => {}, 1000);';
  await writer.write(new TextEncoder().encode(script + tail));
  await writer.close();
  const output = child.stdout.getReader();
  if (onWord !== undefined) {
    await output.read();
    onWord();
  }
  await output.read();
  child.kill("SIGUSR1");
  const answers = await inspectorAnswers();
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  return answers;
}

Deno.test("SIGUSR1 opens no inspector in a program that has taken the port", async () => {
  const own = JSON.stringify(import.meta.resolve("./inspector_port.ts"));
  assert.equal(
    await signalled(`import { takeInspectorPort } from ${own};\ntakeInspectorPort();\n`),
    false,
  );
});

Deno.test({
  name: "in one that has not, it does",
  ignore: taken,
  fn: async () => assert.equal(await signalled(""), true),
});

Deno.test({
  name: "a port that somebody has is no failure",
  ignore: taken,
  async fn() {
    const holder = Deno.listen(INSPECTOR);
    using guard = takeInspectorPort();
    assert.equal(guard.isWaiting, true);
    const taken = new Promise<void>((resolve) => guard.whenTaken(resolve));
    holder.close();
    // The guard alone keeps no program running.
    const running = setInterval(() => {}, 1000);
    await taken;
    clearInterval(running);
    assert.equal(guard.isWaiting, false);
    assert.throws(() => Deno.listen(INSPECTOR), Deno.errors.AddrInUse);
  },
});

Deno.test({
  name: "two gateways of one machine have the port both, and each for as long as it runs",
  ignore: taken,
  fn() {
    using first = takeInspectorPort();
    {
      using second = takeInspectorPort();
      assert.deepEqual([first.isWaiting, second.isWaiting], [false, false]);
    }
    assert.throws(() => Deno.listen(INSPECTOR), Deno.errors.AddrInUse);
  },
});

Deno.test({
  name: "SIGUSR1 opens no inspector when the process that had the port has ended",
  ignore: taken,
  async fn() {
    const holder = Deno.listen(INSPECTOR);
    const own = JSON.stringify(import.meta.resolve("./inspector_port.ts"));
    const script = `import { takeInspectorPort } from ${own};
      setInterval(() => {}, 1000);
      const guard = takeInspectorPort();
      const taken = new Promise<void>((resolve) => guard.whenTaken(resolve));
      console.log(guard.isWaiting ? "waiting" : "not waiting");
      await taken;\n`;
    assert.equal(await signalled(script, () => holder.close()), false);
  },
});
