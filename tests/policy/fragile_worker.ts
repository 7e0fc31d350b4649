/** Entry of the edge workers of the build in `fragile.ts`. @module */
import { records } from "../../src/runtime/log/records.ts";
import { runEdgeWorker } from "../../src/runtime/threads/edge_worker.ts";
import { profile } from "../../src/profiles/development.ts";
import { edge } from "./fragile.ts";

const edges = await Promise.all(profile.modules.map((module) => module.edge()));
runEdgeWorker({ modules: [edge, ...edges], records });
