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
// The contract of a module, as far as workers know it.
export {
  type EdgeModule,
  type EdgePart,
  type EdgeServices,
  type Extension,
  ExtensionPoint,
  type Fact,
  type Files,
  type Kept,
  type Phase,
  PHASES,
  type Recodes,
  type Role,
  type RouteScope,
  type RunningModule,
  type ServiceRole,
  type SnapshotContext,
  type Step,
  type Steps,
  type WorkerServices,
} from "./src/gateway/module.ts";
export type { ConfigPart, PartOf, Plain } from "./src/gateway/threads/thread.ts";
export type {
  CallOutcome,
  Calls,
  EdgeAnswers,
  EdgeCalls,
  ProcessState,
  RunningService,
  Service,
  ServiceContext,
} from "./src/gateway/threads/service.ts";
export type { Accepted } from "./src/net/listen/listener.ts";
export type { Drainable, OpenConnections } from "./src/http/server.ts";
export type { Codec } from "./src/gateway/codec.ts";
export type { ClientHello } from "./src/net/tls/client_hello.ts";
export type { Logger, LogLevel, LogTarget } from "./src/gateway/reports/log.ts";
export type { Counter, Metrics } from "./src/gateway/reports/metrics.ts";
export { type Zone, Zones, type ZonesByName } from "./src/zones/zones.ts";
export type { KeeperCall, Layout, ThreadSlot, ZoneRequest } from "./src/zones/layout.ts";
export { Clock, type Expiring } from "./src/net/clock.ts";
export type { KeyPair, TlsListenerSpec, TlsMaterial } from "./src/net/tls/spec.ts";

// A request and its answer.
export {
  type BegunOn,
  type Captures,
  Exchange,
  type Finished,
  type Held,
  type NamePolicies,
  type NamePolicy,
  type Plan as RequestPlan,
  type PlanStep,
} from "./src/gateway/exchange/exchange.ts";
export { Findings } from "./src/gateway/exchange/findings.ts";
export { Slot, type SlotHolder } from "./src/gateway/exchange/slot.ts";
export { type Around, type Call, type Origin, wrapped } from "./src/gateway/origin.ts";
export type { ContentSteps, OriginSteps } from "./src/gateway/module.ts";
export {
  ClientError,
  type ClientErrorStage,
  ClientRequest,
  ClientResponse,
} from "./src/http/client.ts";
export { type Refusal, refuse } from "./src/gateway/exchange/refusal.ts";
export { type HeadFault, HttpExchange, type HttpVersion } from "./src/http/exchange.ts";
export { type Body, BodyError, BytesBody } from "./src/http/body.ts";
export { Fields, type ReadonlyFields } from "./src/http/fields.ts";
export type { InterimOutlet } from "./src/http/interim.ts";
export type { ClientCertificate, ConnectionFacts, TlsFacts } from "./src/net/connection_facts.ts";
export type { Duplex } from "./src/net/duplex.ts";

// The configuration.
export type {
  Config,
  RootTables,
  RouteConfig,
  RouteTables,
  VhostConfig,
  VhostTables,
} from "./src/config/types.ts";
export type {
  CoreRoute,
  CoreVhost,
  LoggingConfig,
  ServerConfig,
} from "./src/config/schema/core_tables.ts";
// The worker.
export type { ServingProfile } from "./src/runtime/threads/profile.ts";
export type {
  AccessLogSettings,
  AccessRecords,
  Counters,
  CounterTotals,
  LogFile,
  LogFileConfig,
  PidFile,
  Records,
} from "./src/runtime/log/record_types.ts";
export type { Labels, SeriesValue } from "./src/zones/series.ts";
export { type Disorder, ZoneRegistry } from "./src/zones/registry.ts";
export type { LogTargetStream } from "./src/runtime/log/sink.ts";
export { records } from "./src/runtime/log/records.ts";
export { runEdgeWorker } from "./src/runtime/threads/edge_worker.ts";
export { runService } from "./src/runtime/threads/service_thread.ts";
