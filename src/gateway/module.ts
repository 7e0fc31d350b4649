/**
 * The contract between the gateway and a capability. The gateway knows this interface and never a
 * module; a profile is a list of modules.
 *
 * @module
 */
import type { BuildDefault, Config, Problem, TableSchema } from "../config/types.ts";
import type { AccessField } from "./reports/access_field.ts";
import type { ClientRequest } from "../http/client.ts";
import type { ModuleCommand, RunningGateway } from "./command.ts";
import type { AskedConnection, ConnectionExplanation } from "./connection_explained.ts";
import type { Exchange, Finished, Recodes, Step } from "./exchange/exchange.ts";
import type { Extension, ExtensionPoint } from "./extension.ts";
import type { Around, Origin } from "./origin.ts";
import type { RouteScope } from "./scope.ts";
import type { ZoneRequest } from "../zones/layout.ts";
import type { Zones } from "../zones/zones.ts";
import type { Clock } from "../net/clock.ts";
import type { TlsListenerSpec } from "../net/tls/spec.ts";
import type { ListenerKind } from "../net/listen/listener_spec.ts";
import type { Calls } from "./threads/calls.ts";
import type { Codec } from "./codec.ts";
import type { KeeperPartSpec } from "./threads/keeper_part.ts";
import type { Logger } from "./reports/log.ts";
import type { Metrics, MetricSpec } from "./reports/metrics.ts";
import type { Plain, Role, ServiceRole, ThreadSpec } from "./threads/thread.ts";

export type { Role, ServiceRole, ThreadSpec } from "./threads/thread.ts";
export type { MergeRule, TableReload, TableSchema, TableScope } from "../config/types.ts";
export type { Finished, Recodes, Step } from "./exchange/exchange.ts";
export type { CommandArgs, CommandCall, CommandOption, ModuleCommand } from "./command.ts";
export type { Around, Call, Origin } from "./origin.ts";
export type { RouteScope } from "./scope.ts";
export type {
  AskedConnection,
  ConnectionExplanation,
  ConsideredRoute,
} from "./connection_explained.ts";
export { type Extension, ExtensionPoint } from "./extension.ts";

/** Exact permissions in the runtime's own grammar; an absent kind asks for nothing. */
export interface Permissions {
  /** `host:port`, `[v6]:port`, `a.b.c.d/n:port`, `unix:/path`. */
  readonly net?: readonly Grant[];
  /** Absolute paths. */
  readonly read?: readonly Grant[];
  /** Absolute paths. */
  readonly write?: readonly Grant[];
  /** Absolute paths of programs. */
  readonly run?: readonly Grant[];
  /** Names of environment variables. */
  readonly env?: readonly Grant[];
  /** Kinds of system information: `uid`. */
  readonly sys?: readonly Grant[];
}

/** What a module may need at most: `true` for a whole kind, or exact values. Absent: never. */
export interface Manifest {
  /** As in {@linkcode Permissions.net}. */
  readonly net?: true | readonly string[];
  /** As in {@linkcode Permissions.read}. */
  readonly read?: true | readonly string[];
  /** As in {@linkcode Permissions.write}. */
  readonly write?: true | readonly string[];
  /** As in {@linkcode Permissions.run}. */
  readonly run?: true | readonly string[];
  /** As in {@linkcode Permissions.env}. */
  readonly env?: true | readonly string[];
  /** As in {@linkcode Permissions.sys}. */
  readonly sys?: true | readonly string[];
}

/** One thing to be allowed, and the configuration key that asks for it. */
export interface Grant {
  /** In the grammar of its kind: see {@linkcode Permissions}. */
  readonly value: string;
  /** Key path as an operator writes it: `vhosts[0].proxy.upstream`. */
  readonly key: string;
  /** Role of the thread that uses it; a thread gets only the grants of its own role. */
  readonly for: Role;
  /** Not needed any more once its thread serves, and given up then. */
  readonly startOnly?: boolean;
}

/** The part of the system that preflight checks and starts may touch, so that tests can narrow it. */
export interface System {
  /** Effective user id, or -1 where unknown. */
  readonly uid: number;
  /** Facts about clients that some module of the build reads in `scope` itself. */
  wanted(scope: RouteScope): ReadonlySet<Fact>;
}

/** A file that is not stored as a secret should be, for `--check-tls-storage` (spec 05 section 3.6). */
export interface StorageIssue {
  /** `tls.certificates[0]`, `vhosts.shop.tls.certificate`. */
  readonly scope: string;
  /** The file and what is wrong with it. */
  readonly message: string;
}

/** What one scope needs of one module. A route without a step of a kind pays nothing for it. */
export interface Steps {
  /** Finds facts about the client (GeoIP). Never refuses. */
  readonly identify?: Step;
  /** Spec 02 section 3 row 5. */
  readonly access?: Step;
  /** Row 6, first half: takes a token or refuses; a delay is only computed here. */
  readonly rate?: Step;
  /** Row 7: takes a permit, waiting in its queue if it must. */
  readonly concurrency?: Step;
  /** Row 6, second half: sleeps, holding the permit. */
  readonly delay?: Step;
  /** Row 11: checks that belong to the route's action (gRPC). */
  readonly check?: Step;
  /**
   * Asks who the client is, whatever answers: password files, signed tokens and links, an auth service. Runs
   * for the vhost, its route and the policy route, before the path is rewritten. Answers with a refusal, with a
   * way to log in, or not at all.
   */
  readonly authenticate?: Step;
  /** Row 12: content. `serve` steps are asked in the order redirect, php, static; passing on is fine. */
  readonly serve?: Step;
  /**
   * The same from an origin that has answers to some paths and passes on for others: an application. The plan
   * makes one `serve` step of it.
   */
  readonly content?: ContentSteps;
  /** What goes around the origin of `content`, as `around` goes around that of an upstream. */
  readonly aroundContent?: Around;
  /**
   * Row 13, only when the proxy action is reached: auth_request, then mirror, then cache. That of a policy
   * route (spec 02 section 4.4) runs before any action.
   */
  readonly authorize?: Step;
  /** Row 13: sends a copy of the request to another upstream. */
  readonly mirror?: Step;
  /** A fresh answer that is stored: no request to the origin is made. */
  readonly lookup?: Step;
  /** Answers in place of the origin. */
  readonly forward?: Step;
  /**
   * Where the answer comes from: one upstream, or a pool of them. The plan makes one step of it, which makes
   * the request, waits for the origin and puts its answer into the exchange.
   */
  readonly origin?: OriginSteps;
  /**
   * What goes around the origin of this scope. That of the first module in the profile's order is the
   * outermost. It sees answers and errors before the header policy and compression.
   */
  readonly around?: Around;
  /** An upstream has failed and the gateway answers in its place: another answer may be made. */
  readonly failure?: Step;
  /**
   * The gateway has refused, for whatever reason, and no `failure` step has made another answer: a page for this
   * status may take the place of the text. Those of the route come before those of the vhost.
   */
  readonly page?: Step;
  /** Adds fields to a refusal of the gateway's own, at once. Nothing else of the answer policy does. */
  readonly refusal?: Step;
  /** Sees the answer's head before it is written, may change fields or wrap the body. */
  readonly response?: Step;
  /**
   * Whether the `response` step would send other bytes than content of this type and length has. Parts of
   * it are then no continuation of an answer with the same date.
   */
  readonly recodes?: Recodes;
}

/** An origin, and what is asked of it. */
export interface OriginSteps {
  /** The origin that is asked. */
  readonly origin: Origin;
  /** Makes the request of an exchange, by the header policy of the scope. */
  request(exchange: Exchange): ClientRequest;
}

/** An origin that has content of the scope's own, and what is asked of it. */
export interface ContentSteps {
  /** The origin that is asked. */
  readonly origin: Origin;
  /**
   * Makes the request of an exchange.
   *
   * @returns Nothing where the origin has no answer to it, and where this has answered itself.
   */
  request(exchange: Exchange): ClientRequest | undefined | Promise<ClientRequest | undefined>;
}

/** The order in which the phases of {@linkcode Steps} run; see `plan.ts`. */
export const PHASES = [
  "identify",
  "access",
  "rate",
  "concurrency",
  "delay",
  "check",
  "authenticate",
  "serve",
  "authorize",
  "mirror",
  "lookup",
  "forward",
  "failure",
  "page",
  "refusal",
  "response",
] as const satisfies readonly Exclude<
  keyof Steps,
  "origin" | "around" | "content" | "aroundContent" | "recodes"
>[];

/** One phase of a request: a key of {@linkcode Steps} that is a step. */
export type Phase = typeof PHASES[number];

/**
 * A file whose content a worker needs and may not read itself: certificates, keys, CA bundles. The keeper
 * reads it, at the start and again for each reload, and hands the content over. Without it the
 * configuration is not served.
 */
export interface FileRequest {
  /** Absolute. */
  readonly path: string;
  /** Key that names it. */
  readonly key: string;
  /** Most bytes that are read; a larger file is a problem. */
  readonly maxBytes: number;
  /** That others can read it is worth a warning. */
  readonly isPrivateKey?: boolean;
  /** Likewise; what is in it, for the warning: `the token of the admin API`. */
  readonly secret?: string;
  /**
   * Large, and replaced while the process serves: one copy in shared memory for all threads. A file that takes
   * its place is checked as at the start and taken up within seconds, without a reload. Not a symbolic link.
   */
  readonly isShared?: boolean;
  /**
   * It may be missing, and one that cannot be used is a warning: it is then not among the files, and at a
   * renewal the content in use stays. A module reads it again by the call `keeper.files`.
   */
  readonly isOptional?: boolean;
  /** Role that is handed the content; `edge` unless given. */
  readonly for?: Role;
}

/** Content of the requested files, by path. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A fact about a client that one module finds and others read: `client.country`. */
export type Fact = "client.country" | "client.asn";

/** What a module gets of the worker it is opened in, once. */
export interface WorkerServices {
  /** The clock of this worker, for time limits. */
  readonly clock: Clock;
  /** The log of this worker. */
  readonly log: Logger;
  /** The counters of this worker. */
  readonly metrics: Metrics;
  /** Names of the modules in this build: some behave otherwise where another one is there. */
  readonly modules: ReadonlySet<string>;
  /** Index of this worker, from 0: its own cell in tables that have one for each worker. */
  readonly worker: number;
  /**
   * How many indices there are. More than `server.process.threads`, because workers that finish old
   * requests may run beside those that replaced them.
   */
  readonly workers: number;
  /** What the modules of this build add to `point`, in their order. */
  extensions<T>(point: ExtensionPoint<T>): readonly T[];
}

/** What a module gets to open its part in a worker. */
export interface EdgeServices extends WorkerServices {
  /**
   * A service of the module's own, for the calls of its {@linkcode ThreadSpec.edgeAsks}. One that is not there
   * is `unavailable`. Works as long as the worker does, over replacements of the service.
   */
  service(role: ServiceRole): Calls;
}

/** What a part gets to serve by one configuration. */
export interface SnapshotContext extends WorkerServices {
  /** The configuration of this snapshot. */
  readonly config: Config;
  /** What the module's `needs` asked for, all of it, and as its `checkFiles` has seen it. */
  readonly files: Files;
  /** Shared tables, the same in every worker of the process; asked for by name. */
  readonly zones: Zones;
  /**
   * Something that outlives a reload: the same object as long as some snapshot of this worker asks for
   * `key`. The last snapshot that has asked for it closes it.
   *
   * @param key Unique in the worker; begins with the module's name, and holds all that the object depends on.
   * @param make Called where there is no such object yet; what it throws is not kept.
   */
  keep<T extends Kept>(key: string, make: () => T): T;
  /** Something that all modules share for this snapshot alone, made when it is first asked for. */
  once<T>(key: string, make: () => T): T;
  /** Facts about clients that some module reads in `scope` itself. */
  wanted(scope: RouteScope): ReadonlySet<Fact>;
}

/**
 * Something that {@linkcode SnapshotContext.keep} holds. Its `close`, if it has one, is called once, when no
 * snapshot asks for it any more and every exchange on those is over.
 */
export type Kept = object;

/** The part of a capability that works on requests: all of it that an edge worker holds. */
export interface EdgeModule {
  /** As profiles, permission manifests and error messages name it: `"rate-limit"`. */
  readonly name: string;
  /** What it adds to the lists of other modules. */
  readonly extends?: readonly Extension<unknown>[];
  /** Facts about clients that its steps read in `scope` itself. Pure. */
  facts?(scope: RouteScope): readonly Fact[];
  /** Opens its part in one worker. */
  open(worker: EdgeServices): EdgePart | Promise<EdgePart>;
}

/** A module in one worker, over all its configurations. */
export interface EdgePart {
  /** Protocols of its own, for the listeners it needs and for ALPN. */
  readonly codecs?: readonly Codec[];
  /** Builds what one configuration needs. What it opens, its `stop` closes. */
  start(snapshot: SnapshotContext): RunningModule | Promise<RunningModule>;
  /**
   * Answers a call of the module's own service (`EdgeCalls`); what it throws counts as no answer.
   */
  onCall?(message: Plain): Plain | Promise<Plain>;
  /** Closes what `open` opened; every snapshot has been stopped. */
  close?(): void | Promise<void>;
}

/** What a configuration needs of the process, for one module. Pure. */
export interface Needs {
  /** What the runtime must allow, by role. */
  readonly grants?: Permissions;
  /** Files whose content a role is handed; the keeper reads them. */
  readonly files?: readonly FileRequest[];
  /**
   * Shared memory, made by the keeper before a thread starts that uses it. Its settings hold when the
   * configuration is adopted, and what a lost thread held comes back, without the module's doing.
   */
  readonly zones?: readonly ZoneRequest<Role>[];
  /** Listeners of its own, in the edge workers. They are bound once: a change of them needs a restart. */
  readonly listeners?: readonly ListenerNeed[];
}

/** A listener in the edge workers. The runtime binds it, and asks for the permission to. */
export interface ListenerNeed {
  /** A kind that the build has no opener for is refused with the key. */
  readonly kind: ListenerKind;
  /** `ip:port` with a port that is not 0, IPv6 in brackets; of the kind `unix` `unix:/path`. */
  readonly address: string;
  /** Key that asks for it. */
  readonly key: string;
  /** Name of the {@linkcode Codec} for its connections; with TLS, for those that choose none by ALPN. */
  readonly protocol: string;
  /** Header that every connection must begin with; of peers in `server.trusted_proxies`. */
  readonly proxyProtocol: "off" | "v1" | "v2";
  /** Of the kind `tls`: what ALPN offers in place of the protocols of `[tls]`. */
  readonly alpn?: readonly string[];
}

/** What {@linkcode Module.needs} may ask beside the configuration. */
export interface Draw {
  /** How many worker indices the process has ({@linkcode WorkerServices.workers}). */
  readonly workers: number;
  /**
   * A name that no one can guess, the same whenever it is asked for `purpose` in this process: for a
   * socket whose path must be granted before any thread starts.
   */
  name(purpose: string): string;
}

/**
 * A capability of the gateway, as the keeper and the command line know it. Its part for workers is loaded
 * only by commands that build what a worker would. The import is in each module as a literal, so that
 * bundling tools find the file.
 */
export interface Module {
  /** As profiles, permission manifests and error messages name it: `"rate-limit"`. */
  readonly name: string;
  /** The configuration tables it owns. */
  readonly schema: readonly TableSchema[];
  /** Defaults that a build with this module has in place of the schemas' own. */
  readonly defaults?: readonly BuildDefault[];
  /** Commands it brings to the command line. */
  readonly commands?: readonly ModuleCommand[];
  /** The running gateway of `config`, where this module can reach it. */
  runningGateway?(config: Config): Promise<RunningGateway | undefined>;
  /** Everything the module can ever need under any configuration: its share of a profile's manifest. */
  readonly manifest: Manifest;
  /** Metrics that it counts, in the order they are shown. */
  readonly metrics?: readonly MetricSpec[];
  /** Threads of its own. */
  readonly threads?: readonly ThreadSpec[];
  /** Its part in the keeper: operations on the running configuration. */
  readonly keeper?: KeeperPartSpec;
  /** Loads the part that works on requests. */
  edge(): Promise<EdgeModule>;
  /** The same as its part for workers says. Pure. */
  facts?(scope: RouteScope): readonly Fact[];
  /** Rules that span tables; pure. */
  check?(config: Config): Problem[];
  /**
   * For `fluxheim explain tcp://...`: what becomes of a connection, or of a datagram; nothing from modules with no
   * listeners of their own for it. Pure.
   */
  explainConnection?(config: Config, asked: AskedConnection): ConnectionExplanation | undefined;
  /** What this configuration needs of the process: asked once for each configuration. Pure. */
  needs?(config: Config, draw: Draw): Needs;
  /** What is wrong with the content of these files, of which some may not have been readable. Pure. */
  checkFiles?(config: Config, files: Files): Problem[];
  /**
   * What fails in use, although the content looks right. Asked only when all files could be read and no
   * check found an error. Shared files that have passed before are not among `files`: other threads have
   * them, and may have written to them.
   */
  proveFiles?(config: Config, files: Files, system: System): Promise<Problem[]>;
  /** Checks that touch the system; run by `--validate-config` and at start. */
  preflight?(config: Config, system: System): Promise<Problem[]>;
  /** What `--check-tls-storage` finds; stricter than what a start asks for. */
  checkStorage?(config: Config, system: System): Promise<StorageIssue[]>;
}

/** A module at work for one snapshot in one worker. */
export interface RunningModule {
  /**
   * What TLS listeners show and ask for while this snapshot serves. The parts of several modules are joined
   * (`mergeTls`).
   */
  readonly listenerTls?: TlsListenerSpec;
  /** Sees every exchange before it has a scope, with the effective address of its client. Never answers. */
  readonly begin?: (exchange: Exchange) => void;
  /**
   * From now on connections begin on this snapshot: for codecs of the module's own ({@linkcode EdgePart.codecs}),
   * which belong to the worker and are handed connections and no requests. Not called on a snapshot that a
   * failed reload has discarded. Must not throw.
   */
  serving?(): void;
  /** Asked once a scope when a snapshot is compiled: the steps it needs, or nothing. */
  plan(scope: RouteScope): Steps | undefined;
  /**
   * Looks at every exchange that is over, at one that was refused before it had a route as well. Must not
   * throw, and finds everything that the exchange held still held.
   */
  readonly finished?: Finished;
  /** Fields that it adds to the access record. */
  readonly accessFields?: readonly AccessField[];
  /** It uses the times of exchanges: their beginning, and those of their findings. */
  readonly usesTime?: boolean;
  /** Closes what `start` opened; no exchange is on the snapshot any more. */
  stop(): Promise<void> | void;
  /** For `fluxheim explain`: what this module's step of `phase` would do with a request, in one line. */
  explain?(scope: RouteScope, exchange: Exchange, phase?: Phase): string | undefined;
  /** For `fluxheim explain`: leaves `exchange` as a step does that is described and not run. */
  predict?(scope: RouteScope, exchange: Exchange, phase: Phase): void;
  /** For `fluxheim explain`: the head of the request this module would send on, line by line. */
  sends?(scope: RouteScope, exchange: Exchange): readonly string[] | undefined;
}
