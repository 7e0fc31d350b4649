/** A build with the probe module alone. @module */
import type { Profile } from "../profile.ts";
import { records } from "../records.ts";
import { probe } from "./probe_module.ts";

/** What the tests run. */
export const probeProfile: Profile = {
  name: "probe",
  modules: [probe],
  records,
  workerUrl: new URL("./probe_worker.ts", import.meta.url),
};
