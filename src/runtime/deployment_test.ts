import assert from "node:assert/strict";
import type { Module } from "../gateway/module.ts";
import { count } from "../zones/count.ts";
import { zone } from "../zones/layout.ts";
import { deploymentOf, ProcessNames } from "./deployment.ts";
import { testConfig } from "./testing/keeper.ts";
import { probe } from "./testing/probe_module.ts";

const config = testConfig({});

Deno.test("a module is asked once for what a configuration needs", () => {
  let asked = 0;
  const module: Module = {
    ...probe,
    needs() {
      asked++;
      return {
        grants: { net: [{ value: "10.0.0.1:80", key: "a", for: "edge" }] },
        files: [{ path: "/etc/key.pem", key: "b", maxBytes: 10 }],
        zones: [zone(count, { name: "probe/a", roles: ["edge"] })],
      };
    },
  };
  const { plan, files, zones } = deploymentOf(config, [module]);
  assert.equal(asked, 1);
  assert.ok(plan.grants.some(({ value, kind }) => kind === "net" && value === "10.0.0.1:80"));
  assert.ok(plan.grants.some((grant) => grant.value === "/etc/key.pem" && grant.for === "keeper"));
  assert.deepEqual(files.map(({ path }) => path), ["/etc/key.pem"]);
  assert.ok(zones.some(({ name }) => name === "probe/a"));
});

Deno.test("a name is the same for its purpose as long as the process runs, and no other's", () => {
  const names = new ProcessNames();
  const name = names.of("php/shop");
  assert.match(name, /^[0-9a-f]{32}$/);
  assert.equal(names.of("php/shop"), name);
  assert.notEqual(names.of("php/blog"), name);
  assert.notEqual(new ProcessNames().of("php/shop"), name);
});

Deno.test("a module draws the names of its process at each configuration", () => {
  const drawn: string[] = [];
  const module: Module = {
    ...probe,
    needs(_config, draw) {
      drawn.push(draw.name("probe"));
      return {};
    },
  };
  const names = new ProcessNames();
  deploymentOf(config, [module], { names });
  deploymentOf(config, [module], { names });
  assert.deepEqual(drawn, [names.of("probe"), names.of("probe")]);
});
