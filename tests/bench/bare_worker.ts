/** Entry of the edge workers of the build in `bare.ts`. @module */
// First of all: no module may find what no permission guards.
import "../../src/runtime/permissions/unguarded.ts";

import { edge as headers } from "../../src/modules/headers/edge.ts";
import { edge as proxy } from "../../src/modules/proxy/edge.ts";
import { runEdgeWorker } from "../../src/runtime/threads/edge_worker.ts";
import { records } from "../../src/runtime/log/records.ts";

runEdgeWorker({ modules: [proxy, headers], records });
