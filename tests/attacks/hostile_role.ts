/**
 * Entry of a service of the role that its address names (`?role=store`), which declares nothing and tries
 * everything, once it has started.
 *
 * @module
 */
import "../../src/runtime/permissions/unguarded.ts";

import { runService } from "../../src/runtime/threads/service_thread.ts";
import { tryAll } from "./attempts.ts";
import { encode, type OtherRole, saysOf, targetsOf } from "./hostile_module.ts";

const role = new URL(import.meta.url).searchParams.get("role") as OtherRole;

runService({
  module: "hostile",
  role,
  start({ config, log }) {
    void tryAll(targetsOf(config)).then((verdicts) =>
      log.log("warn", "fluxheim", saysOf(role) + encode(verdicts))
    );
    return Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() });
  },
});
