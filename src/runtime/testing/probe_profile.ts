/** A build with the probe module alone. @module */
import type { Profile } from "../profile.ts";
import { probe } from "./probe_module.ts";

/** What the tests run. */
export const probeProfile: Profile = {
  name: "probe",
  modules: [probe],
  workerUrl: new URL("./probe_worker.ts", import.meta.url),
};
