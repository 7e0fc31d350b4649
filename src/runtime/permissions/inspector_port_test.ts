import assert from "node:assert/strict";
import { until } from "../../net/testing/until.ts";
import { catchesUsr1 } from "../testing/program.ts";
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

async function inspectorAnswers(signal: AbortSignal): Promise<boolean> {
  try {
    const url = `http://${INSPECTOR.hostname}:${INSPECTOR.port}/json/version`;
    return (await (await fetch(url, { signal })).text()).includes("V8");
  } catch {
    return false;
  }
}

/** Reads `stream` to its end, and calls `onMark` when `mark` has come. */
async function readUntil(
  stream: ReadableStream<Uint8Array>,
  mark: string,
  onMark: () => void,
): Promise<void> {
  let said = "";
  for await (const bytes of stream) {
    said += new TextDecoder().decode(bytes);
    if (said.includes(mark)) onMark();
  }
}

/**
 * Sends SIGUSR1 to a program, once it says that it runs.
 *
 * @param onWord Called before, when it has said something else.
 * @returns Whether that opened an inspector.
 */
async function signalled(script: string, onWord?: () => void): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const tail = 'console.log("up"); setInterval(() => {}, 1000);';
  await writer.write(new TextEncoder().encode(script + tail));
  await writer.close();
  const output = child.stdout.getReader();
  if (onWord !== undefined) {
    await output.read();
    onWord();
  }
  await output.read();
  await until("the runtime looks for the signal", () => catchesUsr1(child.pid));
  child.kill("SIGUSR1");
  // It says when it has failed, and nothing when it has not.
  const failure = new AbortController();
  const reading = readUntil(child.stderr, "Failed to start inspector", () => failure.abort());
  let answers = false;
  await until("it opens an inspector or fails to", async () => {
    answers = await inspectorAnswers(failure.signal);
    return answers || failure.signal.aborted;
  });
  child.kill("SIGKILL");
  await child.status;
  await Promise.all([reading, output.cancel()]);
  return answers;
}

/** Takes the port; another run of the tests may have it for a moment. */
async function portOfInspector(): Promise<Deno.Listener> {
  let holder: Deno.Listener | undefined;
  await until("the port is free", () => {
    try {
      holder = Deno.listen(INSPECTOR);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
    return holder !== undefined;
  });
  assert.ok(holder !== undefined);
  return holder;
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
  // Another run of the tests may have the port for a moment.
  fn: () => until("it opens one", () => signalled("")),
});

Deno.test({
  name: "a port that is in use is no failure",
  ignore: taken,
  async fn() {
    const holder = await portOfInspector();
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
    const holder = await portOfInspector();
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
