/** Entry of the edge workers of the probe build. @module */
import { runEdgeWorker } from "../threads/edge_worker.ts";
import { probeProfile } from "./probe_profile.ts";

runEdgeWorker(probeProfile);
