/**
 * What the workers of a gateway of your own need, and nothing of what checks configurations: with this and
 * a list of {@linkcode EdgeModule}s they start sooner and hold less.
 *
 * ```ts ignore
 * // worker.ts
 * import { records, runEdgeWorker } from "@fluxheim/fluxheim/worker";
 * import { edges } from "./edges.ts";
 *
 * runEdgeWorker({ modules: edges, records });
 * ```
 *
 * The list has the names of the profile's modules, in their order; a worker with another one does not
 * start. Those of this project are in `src/modules/<name>/edge.ts`.
 *
 * @module
 */
export type {
  EdgeModule,
  EdgePart,
  RunningModule,
  SnapshotContext,
  Step,
  Steps,
  WorkerServices,
} from "./src/gateway/module.ts";
export type { Exchange } from "./src/gateway/exchange.ts";
export { type Refusal, refuse } from "./src/gateway/refusal.ts";
export { type Body, BodyError, BytesBody } from "./src/http/body.ts";
export { Fields } from "./src/http/fields.ts";
export type { ServingProfile } from "./src/runtime/threads/profile.ts";
export { records } from "./src/runtime/log/records.ts";
export { runEdgeWorker } from "./src/runtime/threads/edge_worker.ts";
export type {
  CallOutcome,
  Calls,
  EdgeAnswers,
  EdgeCalls,
  ProcessState,
  RunningService,
  Service,
  ServiceContext,
} from "./src/gateway/service.ts";
export type { ConfigPart, Plain, ServiceRole } from "./src/gateway/thread.ts";
export { runService } from "./src/runtime/threads/service_thread.ts";
