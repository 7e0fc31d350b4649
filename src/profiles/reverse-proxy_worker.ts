/** Entry of the edge workers of profile `reverse-proxy`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./reverse-proxy.ts";

runEdgeWorker(profile);
