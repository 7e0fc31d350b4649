/** Entry of the probe service `control`. @module */
import type { ServiceContext } from "../../gateway/threads/service.ts";
import { runService } from "../threads/service_thread.ts";
import { callsOf, OUTCOME, type ProbeCall, STATE } from "./probe_services.ts";

const POLL_MS = 10;

async function performAll(context: ServiceContext): Promise<void> {
  const calls: ProbeCall[] = JSON.parse(callsOf(context.config));
  for (const call of calls) {
    let outcome = await perform(context, call);
    while (JSON.stringify(outcome).includes("is not there")) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      outcome = await perform(context, call);
    }
    context.log.log("info", "fluxheim", OUTCOME + JSON.stringify(outcome));
  }
}

function perform(context: ServiceContext, call: ProbeCall): Promise<unknown> {
  return call.to === "edges"
    ? context.edges.call(call.message, call.deadlineMs)
    : callerOf(context, call.to).call(call.name, { n: 1 }, call.deadlineMs);
}

function callerOf({ keeper, service }: ServiceContext, to: "store" | "keeper") {
  return to === "keeper" ? keeper : service(to);
}

runService({
  module: "probe-services",
  role: "control",
  start: (context) =>
    Promise.resolve({
      reload: () => Promise.resolve(),
      // The last order of a start: by then the ports of all that is there have come.
      onState(state) {
        context.log.log("info", "fluxheim", STATE + JSON.stringify(state));
        void performAll(context);
      },
      stop: () => Promise.resolve(),
    }),
});
