/** Entry of the edge workers of profile `privacy`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./privacy.ts";

runEdgeWorker(profile);
