/** The entry of the workers: the same modules in the same order, each as workers know it. @module */
import { records, runEdgeWorker } from "../../worker.ts";
import { edge as headers } from "../../src/modules/headers/edge.ts";
import { edge as web } from "../../src/modules/web/edge.ts";
import { edge as closed } from "./closed_edge.ts";

runEdgeWorker({ modules: [closed, headers, web], records });
