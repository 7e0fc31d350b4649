/** Entry of the edge workers of profile `web-server`. @module */
import { runEdgeWorker } from "../runtime/edge_worker.ts";
import { profile } from "./web-server.ts";

runEdgeWorker(profile);
