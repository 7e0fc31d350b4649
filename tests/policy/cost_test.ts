/** What a policy that is not configured costs a request: nothing, because it has no step there. */
import assert from "node:assert/strict";
import { PHASES, type RunningModule } from "../../src/gateway/module.ts";
import { scopeSteps } from "../../src/gateway/plan.ts";
import { module as access } from "../../src/modules/access/module.ts";
import { accessSchema } from "../../src/modules/access/schema.ts";
import { module as compression } from "../../src/modules/compression/module.ts";
import { module as compressionGzip } from "../../src/modules/compression_gzip/module.ts";
import { compressionSchema } from "../../src/modules/compression/schema.ts";
import { module as concurrency } from "../../src/modules/concurrency/module.ts";
import { concurrencySchema } from "../../src/modules/concurrency/schema.ts";
import { module as geoip } from "../../src/modules/geoip/module.ts";
import { module as rateLimit } from "../../src/modules/rate_limit/module.ts";
import { rateLimitSchema } from "../../src/modules/rate_limit/schema.ts";
import {
  configOf,
  contextOf,
  needsOf,
  routeScope,
  started,
  vhostScope,
} from "../../src/gateway/testing/modules.ts";

const MODULES = [geoip, access, rateLimit, concurrency, compression, compressionGzip];

/** How many steps each scope of `config` has, by phase; phases without one are left out. */
async function stepsIn(config: ReturnType<typeof configOf>) {
  const context = contextOf(config, MODULES);
  const running: RunningModule[] = [];
  for (const module of MODULES) running.push(await started(module, context));
  const counts = [vhostScope(config), routeScope(config)].map((scope) => {
    const steps = scopeSteps(scope, running);
    const used = PHASES.filter((phase) => steps[phase].length > 0);
    return Object.fromEntries(used.map((phase) => [phase, steps[phase].length]));
  });
  for (const module of running) await module.stop();
  return counts;
}

Deno.test("policies that are not configured, or are off, have no step, no zone and no permission", async () => {
  const off = {
    access: accessSchema.parse({ enabled: false, deny: ["10.0.0.0/8"] }),
    rate_limit: rateLimitSchema.parse({ enabled: false }),
    concurrency: concurrencySchema.parse({ enabled: false }),
    compression: compressionSchema.parse({ enabled: false }),
  };
  for (const config of [configOf({}, {}), configOf(off, off)]) {
    assert.deepEqual(await stepsIn(config), [{}, {}]);
    for (const module of MODULES) {
      assert.deepEqual(needsOf(module, config, 4).zones ?? [], [], module.name);
      assert.deepEqual(needsOf(module, config).grants ?? {}, {}, module.name);
    }
  }
});

Deno.test("a policy has a step in the scope that asks for it and nowhere else", async () => {
  const tables = {
    access: accessSchema.parse({ deny: ["10.0.0.0/8"] }),
    rate_limit: rateLimitSchema.parse({ enabled: true, requests_per_second: 5 }),
    concurrency: concurrencySchema.parse({ enabled: true, max_in_flight: 5 }),
  };
  const steps = { access: 1, rate: 1, concurrency: 1 };
  assert.deepEqual(await stepsIn(configOf(tables, {})), [steps, {}]);
  assert.deepEqual(await stepsIn(configOf({}, tables)), [{}, steps]);
});

Deno.test("only a limit that delays has a step for it", async () => {
  const delay = rateLimitSchema.parse({ enabled: true, requests_per_second: 5, mode: "delay" });
  assert.deepEqual(await stepsIn(configOf({}, { rate_limit: delay })), [{}, { rate: 1, delay: 1 }]);
});
