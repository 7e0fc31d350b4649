/** Entry of the edge workers of the build in `bare.ts`. @module */
import { runEdgeWorker } from "../../src/runtime/edge_worker.ts";
import { profile } from "./bare.ts";

runEdgeWorker(profile);
