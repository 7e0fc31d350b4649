import assert from "node:assert/strict";
import { loadText } from "../../config/load.ts";
import { module as control } from "../control/module.ts";
import { module } from "./module.ts";

/** The problems of a configuration, as `key: message`. */
function problemsOf(text: string): string[] {
  const modules = [module, control];
  const { problems } = loadText(
    text,
    modules.flatMap(({ schema }) => schema),
    modules.flatMap(({ check }) => check ?? []),
  );
  return problems.map(({ key, message, warning }) =>
    `${warning === true ? "warning " : ""}${key}: ${message}`
  );
}

Deno.test("an address that other machines can reach is refused, and with the key a warning", () => {
  const table = '[metrics]\nenabled = true\nlisten = "0.0.0.0:9091"\n';
  assert.match(problemsOf(table).join("\n"), /^metrics\.listen: must be a loopback address/);
  const open = problemsOf(`${table}require_loopback = false\n`);
  assert.match(open.join("\n"), /^warning metrics\.listen: 0\.0\.0\.0:9091 is open to other/);
  assert.deepEqual(problemsOf('[metrics]\nenabled = true\nlisten = "[::1]:9091"\n'), []);
  const off = problemsOf('[metrics]\nenabled = false\nlisten = "0.0.0.0:9091"\n');
  assert.ok(off.every((problem) => problem.startsWith("warning metrics:")), off.join("\n"));
});

Deno.test("an address that is served already is refused", () => {
  const metrics = '[metrics]\nenabled = true\nlisten = "127.0.0.1:8081"\n';
  const taken = problemsOf(`[server]\nlisten = ["127.0.0.1:8081"]\n${metrics}`);
  assert.match(taken.join(), /^metrics\.listen: must be an address of its own; requests/);
  const health = problemsOf(`[server.health]\nlisten = ["127.0.0.1:8081"]\n${metrics}`);
  assert.match(health.join(), /^metrics\.listen: must be an address of its own; health/);
});

Deno.test("the listener needs its address at the start, and nothing without the table", () => {
  const { config } = loadText("[metrics]\nenabled = true\n", module.schema);
  assert.ok(config !== undefined);
  const draw = { workers: 1, name: () => "" };
  assert.deepEqual(module.needs?.(config, draw).grants?.net, [
    { value: "127.0.0.1:9091", key: "metrics.listen", for: "control", startOnly: true },
  ]);
  const { config: off } = loadText("", module.schema);
  assert.ok(off !== undefined);
  assert.deepEqual(module.needs?.(off, draw), {});
});
