/** Entry of the edge workers of profile `proxy-edge`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./proxy-edge.ts";

runEdgeWorker(profile);
