/** A build with the probe module alone. @module */
import type { Profile } from "../threads/profile.ts";
import { records } from "../log/records.ts";
import { probe } from "./probe_module.ts";

/** What the tests run. */
export const probeProfile: Profile = {
  name: "probe",
  modules: [probe],
  records,
  workerUrl: new URL("./probe_worker.ts", import.meta.url),
};
