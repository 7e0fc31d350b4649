/** The control service at work. @module */
import type { RunningService, Service } from "../../gateway/threads/service.ts";
import { answer, answerHealth } from "./health.ts";
import { ControlListeners } from "./listeners.ts";
import { controlHosts, healthListeners } from "./table.ts";

export { ControlListeners, type ControlProgram, type HostRule, isOwnHost } from "./listeners.ts";

/** A probe's request has a short target and a few fields. */
const LIMITS = { maxHeadBytes: 8_192, maxUriBytes: 1_024, maxFields: 64 } as const;

/** Serves the health endpoints. */
export const control: Service = {
  module: "control",
  role: "control",
  async start(context): Promise<RunningService> {
    let { state } = context;
    let names = controlHosts(context.config);
    const listeners = new ControlListeners(context, {
      subject: "health",
      limits: LIMITS,
      answer: (exchange, rule) => answerHealth(exchange, state, rule),
      refuse: (exchange, status) => answer(exchange, status, "the request cannot be read\n"),
      fail: (exchange) => answer(exchange, 500, "the control service has failed\n"),
    });
    try {
      for (const [index, entry] of healthListeners(context.config).entries()) {
        const key = `server.health.listen[${index}]`;
        await listeners.open(entry, key, () => names);
      }
    } catch (error) {
      listeners.close();
      throw error;
    }
    return {
      reload(config) {
        // The listeners never change in a running process.
        names = controlHosts(config);
        return Promise.resolve();
      },
      onState: (next) => state = next,
      stop() {
        listeners.close();
        return Promise.resolve();
      },
    };
  },
};
