/** Entry of the edge workers of the build with the probe services. @module */
import { runEdgeWorker } from "../threads/edge_worker.ts";
import { probeEdge } from "./probe_module.ts";
import { probeServicesEdge } from "./probe_services.ts";

runEdgeWorker({ modules: [probeEdge, probeServicesEdge] });
