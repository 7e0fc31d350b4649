/** Entry of the edge workers of the build in `fragile.ts`. @module */
import { runEdgeWorker } from "../../src/runtime/threads/edge_worker.ts";
import { profile } from "./fragile.ts";

runEdgeWorker(profile);
