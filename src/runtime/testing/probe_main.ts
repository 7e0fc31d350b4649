/**
 * The probe build as a program: one argument, a `TestConfig` as JSON. Says `ready ADDRESS` on standard
 * output once it serves.
 *
 * @module
 */
import { serve } from "../serve.ts";
import { type TestConfig, testConfig } from "./keeper.ts";
import { probeProfile } from "./probe_profile.ts";

if (import.meta.main) {
  const config: TestConfig = JSON.parse(Deno.args[0]);
  const status = await serve({
    profile: probeProfile,
    load: () => Promise.resolve({ config: testConfig(config), problems: [] }),
    configSource: undefined,
    pace: config.pace,
  }, (keeper) => console.log(`ready ${keeper.listeners[0].name}`));
  Deno.exit(status);
}
