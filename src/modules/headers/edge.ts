/** Header policy at work (spec 02 section 6). @module */
import type { Config } from "../../config/types.ts";
import type { EdgeModule, RunningModule } from "../../gateway/module.ts";
import { compiledFor } from "./policies.ts";

export { requestPolicyFor } from "./policies.ts";
export { type RequestPolicy } from "./request_policy.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "headers",
  start: ({ config }) => Promise.resolve(runningFor(config)),
};

function runningFor(config: Config): RunningModule {
  const compiled = compiledFor(config);
  return {
    plan(scope) {
      const policy = compiled.response(scope);
      const { check, apply, applyToRefusal } = policy;
      return check === undefined || applyToRefusal === undefined
        ? { response: apply }
        : { check, response: apply, refusal: applyToRefusal };
    },
    explain: (scope) => `answer fields: ${compiled.response(scope).describe()}`,
    stop() {},
  };
}
