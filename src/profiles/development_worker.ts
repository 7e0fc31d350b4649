/** Entry of the edge workers of profile `development`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./development.ts";

runEdgeWorker(profile);
