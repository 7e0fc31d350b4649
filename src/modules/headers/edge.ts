/** Header policy at work (spec 02 section 6). @module */
import type { EdgeModule, RunningModule } from "../../gateway/module.ts";
import { type HeaderPolicies, policiesOf } from "./policies.ts";
import { writtenFacts } from "./table.ts";

export { AUTHORIZED, type Authorized, authorizeFields } from "./authorized.ts";
export { type HeaderPolicies, policiesOf } from "./policies.ts";
export { addVia } from "./response_policy.ts";
export { type RequestPolicy } from "./request_policy.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "headers",
  facts: writtenFacts,
  open: () => ({ start: (snapshot) => running(policiesOf(snapshot)) }),
};

function running(policies: HeaderPolicies): RunningModule {
  return {
    plan(scope) {
      const policy = policies.response(scope);
      const { check, apply, applyToRefusal } = policy;
      return check === undefined || applyToRefusal === undefined
        ? { response: apply }
        : { check, response: apply, refusal: applyToRefusal };
    },
    explain: (scope) => `answer fields: ${policies.response(scope).describe()}`,
    stop() {},
  };
}
