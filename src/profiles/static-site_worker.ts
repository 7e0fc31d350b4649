/** Entry of the edge workers of profile `static-site`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./static-site.ts";

runEdgeWorker(profile);
