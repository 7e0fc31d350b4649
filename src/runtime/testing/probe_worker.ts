/** Entry of the edge workers of the probe build. @module */
import { records } from "../log/records.ts";
import { runEdgeWorker } from "../threads/edge_worker.ts";
import { probeEdge } from "./probe_module.ts";

runEdgeWorker({ modules: [probeEdge], records });
