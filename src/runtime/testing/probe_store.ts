/** Entry of the probe service `store`. @module */
import { runService } from "../threads/service_thread.ts";

runService({
  role: "store",
  start: () =>
    Promise.resolve({
      reload: () => Promise.resolve(),
      async call(name, input) {
        if (name === "fail") throw new Error("told to fail");
        if (name === "hang") await new Promise(() => {});
        return { name, input };
      },
      stop: () => Promise.resolve(),
    }),
});
