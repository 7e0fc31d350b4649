/**
 * A build for measuring only: what it takes to forward a request, and none of the edge policies.
 *
 * @module
 */
// First of all: no module may find what no permission guards.
import "../../src/runtime/permissions/unguarded.ts";

import { module as headers } from "../../src/modules/headers/module.ts";
import { module as proxy } from "../../src/modules/proxy/module.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { records } from "../../src/runtime/log/records.ts";

/** What this build contains. */
export const profile: Profile = {
  name: "bare",
  modules: [proxy, headers],
  records,
  workerUrl: new URL("./bare_worker.ts", import.meta.url),
};

if (import.meta.main) {
  const { main } = await import("../../src/cli/main.ts");
  await main(profile);
}
