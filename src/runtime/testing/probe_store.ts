/** Entry of the probe service `store`. @module */
import { count } from "../../zones/count.ts";
import { runService } from "../threads/service_thread.ts";
import { TAKEN } from "./probe_services.ts";

const LIMIT = 1_000;

runService({
  module: "probe-services",
  role: "store",
  start: ({ zones }) =>
    Promise.resolve({
      reload: () => Promise.resolve(),
      async call(name, input) {
        switch (name) {
          case "fail":
            throw new Error("told to fail");
          case "take":
            return zones.open(count, TAKEN).tryTake(LIMIT);
          case "die":
            setTimeout(() => {
              throw new Error("told to die");
            });
            return await new Promise(() => {});
          case "hang":
            return await new Promise(() => {});
        }
        return { name, input };
      },
      stop: () => Promise.resolve(),
    }),
});
