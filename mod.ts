/**
 * Fluxheim as a library: build a gateway of your own from its modules and yours.
 *
 * A profile is a list of modules and the entry of the workers that serve with them. Of a module, workers
 * need the part that works on requests: its {@linkcode EdgeModule}.
 *
 * ```ts ignore
 * // gateway.ts
 * import { load, type Profile, records, serve } from "@fluxheim/fluxheim";
 * import { modules } from "./modules.ts";
 *
 * const profile: Profile = {
 *   name: "mine",
 *   modules,
 *   records,
 *   workerUrl: new URL("./worker.ts", import.meta.url),
 * };
 * const configSource = "/etc/fluxheim/fluxheim.toml";
 * Deno.exit(await serve({ profile, configSource, load: () => load(profile, configSource) }));
 *
 * // worker.ts
 * import { records, runEdgeWorker } from "@fluxheim/fluxheim";
 * import { edges } from "./modules.ts";
 *
 * runEdgeWorker({ modules: edges, records });
 * ```
 *
 * The modules of this project are in `src/modules/<name>/module.ts`; one of yours implements
 * {@linkcode Module}, and declares what it needs the runtime to allow. Workers can import less: see
 * `worker.ts`.
 *
 * @module
 */
export type {
  Draw,
  EdgeModule,
  EdgePart,
  Extension,
  Fact,
  FileRequest,
  Files,
  Grant,
  Kept,
  Manifest,
  Module,
  Needs,
  Permissions,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  Steps,
  System,
  WorkerServices,
} from "./src/gateway/module.ts";
export { ExtensionPoint } from "./src/gateway/extension.ts";
export type { Exchange, Held } from "./src/gateway/exchange.ts";
export { type Refusal, refuse } from "./src/gateway/refusal.ts";
export { type Body, BodyError, BytesBody } from "./src/http/body.ts";
export { Fields } from "./src/http/fields.ts";
export type { Config, Problem, TableSchema, TableScope } from "./src/config/types.ts";
export { loadConfig, type Loaded, loadText } from "./src/config/load.ts";
export { formatProblem } from "./src/config/problems/problems.ts";
export { load, planFor } from "./src/cli/load.ts";
export { type Plan, toFlags } from "./src/runtime/permissions/plan.ts";
export type { Profile, ServingProfile } from "./src/runtime/threads/profile.ts";
export type { Records } from "./src/runtime/log/record_types.ts";
export { records } from "./src/runtime/log/records.ts";
export type { ConfigPart, Plain, ServiceRole, ThreadSpec } from "./src/gateway/thread.ts";
export { Keeper } from "./src/runtime/keeper.ts";
export { type KeeperOptions, StartError } from "./src/runtime/start.ts";
export { serve } from "./src/runtime/serve.ts";
export { runEdgeWorker } from "./src/runtime/threads/edge_worker.ts";
