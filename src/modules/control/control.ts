/** The control service at work. @module */
import type { RunningService, Service } from "../../gateway/service.ts";
import { answerHealth } from "./health.ts";
import { ControlListeners } from "./listeners.ts";
import { controlHosts, healthListeners } from "./table.ts";

/** Serves the health endpoints. */
export const control: Service = {
  module: "control",
  role: "control",
  async start(context): Promise<RunningService> {
    let { state } = context;
    let names = controlHosts(context.config);
    const listeners = new ControlListeners(context, (exchange, rule) => {
      answerHealth(exchange, state, rule);
    });
    try {
      for (const [index, entry] of healthListeners(context.config).entries()) {
        await listeners.open(entry, `server.health.listen[${index}]`, () => names);
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
