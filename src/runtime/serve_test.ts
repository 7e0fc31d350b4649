import assert from "node:assert/strict";
import { get, TestClient, until } from "./testing/keeper.ts";
import { startProcess } from "./testing/process.ts";

const LAST_WORDS_OF_A_FULL_HEAP =
  "fluxheim: worker 0 has filled its heap; ending the process with status 70";

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  Deno.test(`${signal} lets a request finish and ends the process with status 0`, async () => {
    const process = await startProcess({});
    using busy = await TestClient.connect(process.address);
    await busy.send("/slow?300");
    await get(process.address, "/");
    process.kill(signal);
    assert.equal((await busy.receive()).body, "hello");
    assert.equal((await process.ended()).code, 0);
  });
}

Deno.test("a second signal ends the process at once", async () => {
  const process = await startProcess({ process: { grace_period_seconds: 60 } });
  using busy = await TestClient.connect(process.address);
  await busy.send("/slow?60000");
  await get(process.address, "/");
  process.kill("SIGTERM");
  let over = false;
  const ended = process.ended().finally(() => over = true);
  await until(() => {
    // Those that come within a moment of the first are still the first.
    process.kill("SIGINT");
    return over;
  });
  assert.ok(await busy.closed());
  assert.equal((await ended).code, 0);
});

Deno.test("one Ctrl-C that arrives several times lets a request finish", async () => {
  const process = await startProcess({});
  using busy = await TestClient.connect(process.address);
  await busy.send("/slow?700");
  await get(process.address, "/");
  for (const signal of ["SIGINT", "SIGINT", "SIGTERM"] as const) {
    process.kill(signal);
    // Each is seen on its own: the same signal twice at once would arrive once.
    await get(process.address, "/").catch(() => {});
  }
  assert.equal((await busy.receive()).body, "hello");
  assert.equal((await process.ended()).code, 0);
});

Deno.test("SIGHUP reloads and does not end the process", async () => {
  const process = await startProcess({ level: "info" });
  process.kill("SIGHUP");
  assert.equal(await get(process.address, "/"), "hello");
  process.kill("SIGTERM");
  const { code, stderr } = await process.ended();
  assert.equal(code, 0);
  assert.match(stderr, /"message":"reload: nothing has changed"/);
});

Deno.test("a worker in an endless loop ends the process with status 70 and a last line", async () => {
  const process = await startProcess({ process: { threads: 1 }, pace: { keeper: 10 } });
  using client = await TestClient.connect(process.address);
  await client.send("/spin");
  const { code, stderr } = await process.ended();
  assert.equal(code, 70);
  assert.match(
    stderr.trimEnd().split("\n").at(-1) ?? "",
    /^fluxheim: worker 0 has not run its event loop for 1 s/,
  );
});

Deno.test("a worker that fills its heap ends the process with status 70 and a last line", async () => {
  const process = await startProcess({ process: { threads: 1 } }, {}, [
    "--v8-flags=--max-old-space-size=128",
  ]);
  let over = false;
  const ended = process.ended().finally(() => over = true);
  while (!over) await get(process.address, "/hoard").catch(() => {});
  const { code, stderr } = await ended;
  assert.equal(stderr.trimEnd().split("\n").at(-1), LAST_WORDS_OF_A_FULL_HEAP);
  assert.equal(code, 70);
});

Deno.test("log lines of a stopped process are complete, and its last words among them", async () => {
  const process = await startProcess({ level: "info" });
  for (let i = 0; i < 20; i++) await get(process.address, "/");
  process.kill("SIGTERM");
  const { stderr } = await process.ended();
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.filter(({ event }) => event === "access").length, 20);
  assert.equal(lines.at(-1)?.message, "stopped");
});

Deno.test("FLUXHEIM_LOG overrides the level", async () => {
  const process = await startProcess({ level: "off" }, { FLUXHEIM_LOG: "debug" });
  process.kill("SIGTERM");
  const { stderr } = await process.ended();
  assert.match(stderr, /"level":"DEBUG","target":"fluxheim","message":"server.process.pid_file: /);
});

Deno.test("a FLUXHEIM_LOG that is not a level is reported and has no effect", async () => {
  const process = await startProcess({ level: "warn" }, { FLUXHEIM_LOG: "loud" });
  process.kill("SIGTERM");
  const { stderr } = await process.ended();
  assert.match(
    stderr,
    /^\{[^\n]*"message":"FLUXHEIM_LOG=\\"loud\\" is no log level; ignored"\}\n$/,
  );
});

Deno.test("a process that would write TLS secrets to a file does not start", async () => {
  await assert.rejects(
    startProcess({}, { SSLKEYLOGFILE: "/nonexistent/keys" }),
    /the environment variable SSLKEYLOGFILE is set/,
  );
});
