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
 * `worker.ts`. `examples/embedding/` has a module with a table of its own.
 *
 * @module
 */
// The contract of a module.
export {
  type CommandArgs,
  type CommandCall,
  type CommandOption,
  type Draw,
  type EdgeModule,
  type EdgePart,
  type EdgeServices,
  type Extension,
  ExtensionPoint,
  type Fact,
  type FileRequest,
  type Files,
  type Grant,
  type Kept,
  type Manifest,
  type Module,
  type ModuleCommand,
  type Needs,
  type Permissions,
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
  type StorageIssue,
  type System,
  type ThreadSpec,
  type WorkerServices,
} from "./src/gateway/module.ts";
export type { ReloadAnswer, RunningGateway } from "./src/gateway/command.ts";
export type { Around, Call, Origin } from "./src/gateway/origin.ts";
export { type Disorder, ZoneRegistry } from "./src/zones/registry.ts";
export {
  type ConfigPart,
  isPlain,
  MAX_PLAIN_BYTES,
  type PartOf,
  type Plain,
} from "./src/gateway/threads/thread.ts";
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
export type { Accepted, Listener } from "./src/net/listen/listener.ts";
export type { Drainable, OpenConnections } from "./src/http/server.ts";
export type {
  CommonListenerSpec,
  FailedHandshake,
  ListenerKind,
  OpenCount,
  Rejection,
  UnixListenerSpec,
} from "./src/net/listen/listener_spec.ts";
export type { HeaderFailure } from "./src/net/listen/read_proxy_header.ts";
export type { SocketIdentity, SocketSettings } from "./src/net/listen/socket_identity.ts";
export type { UnixSockets } from "./src/net/listen/unix_sockets.ts";
export type { TrustedPeers } from "./src/net/trusted_peers.ts";
export type { Codec } from "./src/gateway/codec.ts";
export type { ClientHello } from "./src/net/tls/client_hello.ts";
export type {
  AskedConnection,
  ConnectionExplanation,
  ConsideredRoute,
} from "./src/gateway/connection_explained.ts";
export type { ListenerNeed } from "./src/gateway/module.ts";
export type { Logger, LogLevel, LogTarget } from "./src/gateway/reports/log.ts";
export type {
  Counter,
  Gauge,
  Histogram,
  LabelValues,
  Metrics,
  MetricSpec,
} from "./src/gateway/reports/metrics.ts";
export type { AccessField, AccessValue } from "./src/gateway/reports/access_field.ts";
export { TraceContext } from "./src/gateway/reports/trace_context.ts";
export {
  SPAN_ATTRIBUTES,
  SPAN_PARTS,
  type SpanAttribute,
  type SpanPart,
} from "./src/gateway/reports/span_attribute.ts";
export type { PartGone, PartOfThread } from "./src/gateway/threads/service.ts";
export { type Zone, Zones, type ZonesByName } from "./src/zones/zones.ts";
export {
  KEEPER,
  type KeeperCall,
  type Layout,
  type ThreadSlot,
  zone,
  type ZoneOptions,
  type ZoneRequest,
} from "./src/zones/layout.ts";
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
export { wrapped } from "./src/gateway/origin.ts";
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
  BuildDefault,
  Config,
  Problem,
  RootTables,
  RouteConfig,
  RouteTables,
  TableSchema,
  TableScope,
  VhostConfig,
  VhostTables,
  ZodSchema,
} from "./src/config/types.ts";
export type {
  CoreRoute,
  CoreVhost,
  LoggingConfig,
  ServerConfig,
} from "./src/config/schema/core_tables.ts";
export {
  type Check,
  loadConfig,
  type Loaded,
  type LoadOptions,
  loadText,
} from "./src/config/load.ts";
export { formatProblem } from "./src/config/problems/problems.ts";
export { load, planFor } from "./src/cli/load.ts";

// The process.
export { type Plan, toFlags } from "./src/runtime/permissions/plan.ts";
export type { PermissionKind, PlannedGrant } from "./src/runtime/permissions/planned_grant.ts";
export type { Profile, ServingProfile } from "./src/runtime/threads/profile.ts";
export type {
  AccessLogSettings,
  AccessRecords,
  Counters,
  CounterTotals,
  LogFile,
  LogFileConfig,
  PidFile,
  Records,
  ServiceManager,
  SyslogConfig,
} from "./src/runtime/log/record_types.ts";
export type { Labels, SeriesKind, SeriesValue } from "./src/zones/series.ts";
export type { LogTargetStream } from "./src/runtime/log/sink.ts";
export { records } from "./src/runtime/log/records.ts";
export { Keeper } from "./src/runtime/keeper.ts";
export type { OpenedListener } from "./src/runtime/threads/messages/worker_messages.ts";
export type { Loaded as LoadedConfig, ReloadOutcome } from "./src/runtime/reload/reload.ts";
export {
  type MergeRule,
  RELOAD_REASONS,
  type ReloadReason,
  type ReloadRule,
  type TableReload,
} from "./src/catalog/types.ts";
export type { Pace } from "./src/runtime/pace.ts";
export { type KeeperOptions, StartError } from "./src/runtime/start.ts";
export { serve } from "./src/runtime/serve.ts";
export { runEdgeWorker } from "./src/runtime/threads/edge_worker.ts";
export { runService, runServiceWith } from "./src/runtime/threads/service_thread.ts";
export type { ServiceEntries } from "./src/runtime/threads/profile.ts";
export type {
  Judgement,
  KeeperContext,
  KeeperPart,
  KeeperPartSpec,
  LiveChange,
  ProcessFacts,
  RunningKeeperPart,
  StartContext,
  ThreadFacts,
} from "./src/gateway/threads/keeper_part.ts";
