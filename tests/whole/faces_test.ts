/** The two faces of modules: what the keeper loads of them, and what workers do. */
import assert from "node:assert/strict";
import type { EdgeModule, Module } from "../../src/gateway/module.ts";
import { FOLDER_ORDER } from "../../src/catalog/modules.ts";
import { ROOT } from "../../src/cli/tasks/entry_files.ts";
import { builtProfiles } from "../../src/cli/tasks/generated.ts";
import { startGraphOf } from "../testing/build.ts";

/** What only the keeper and the command line have a use for. */
const FOR_CHECKING =
  /^src\/(cli\/|config\/load\.|modules\/\w+\/(module|\w*schema|\w*checks)\.)|^npm:\/?(zod|smol-toml)@/;
/** What only works on requests. */
const FOR_SERVING =
  /^src\/(http\/h2\/|http\/h1\/server|gateway\/(gateway|snapshot|plan)\.|modules\/\w+\/edge\.)/;
/** Large modules, which are loaded where a configuration asks for them. */
const ON_DEMAND = /^src\/modules\/(cache|load_balancer|php)\/running\./;

for (const folder of FOLDER_ORDER) {
  Deno.test(`${folder}: both faces have one name`, async () => {
    const { module }: { module: Module } = await import(
      `../../src/modules/${folder}/module.ts`
    );
    const { edge }: { edge: EdgeModule } = await import(`../../src/modules/${folder}/edge.ts`);
    assert.equal(edge.name, module.name);
  });
}

for (const { name } of builtProfiles()) {
  Deno.test(`a worker of ${name} starts without what checks configurations`, async () => {
    const files = await startGraphOf(`${ROOT}src/profiles/${name}_worker.ts`);
    assert.ok(files.some((file) => FOR_SERVING.test(file)));
    assert.deepEqual(files.filter((file) => FOR_CHECKING.test(file)), []);
    assert.deepEqual(files.filter((file) => ON_DEMAND.test(file)), []);
  });

  Deno.test(`the keeper of ${name} starts without what works on requests`, async () => {
    const files = [
      ...await startGraphOf(`${ROOT}src/profiles/${name}.ts`),
      ...await startGraphOf(`${ROOT}src/cli/main.ts`),
    ];
    assert.ok(files.some((file) => FOR_CHECKING.test(file)));
    assert.deepEqual(files.filter((file) => FOR_SERVING.test(file)), []);
  });
}
