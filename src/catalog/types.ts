/**
 * The words of the catalog: where a table may be, how files of one configuration merge, what a change
 * asks of a running process, and how far a module has come. Everything here is data, so that the parts
 * that read a configuration, reload it, build a profile and parse a command line share one list.
 *
 * @module
 */

/** Where a configuration table may be. */
export type TableScope = "root" | "vhost" | "route";

/**
 * How a table of a later file meets one of an earlier file (spec 01 section 1.5):
 *
 * - `fields`: key by key at every depth; lists and maps are replaced. The default.
 * - `whole`: replaced; keys that the later file omits return to their defaults.
 * - `entries`: lists are joined in load order.
 * - `keys`: each key is replaced whole, except the lists in `append`, which only grow.
 * - `fields` with `oneOf`: as `fields`, and of these keys the last file that sets one decides. More than one
 *   of them in one file is refused.
 */
export type MergeRule =
  | "fields"
  | "whole"
  | "entries"
  | { readonly rule: "keys"; readonly append: readonly string[] }
  | { readonly rule: "fields"; readonly oneOf: readonly string[]; readonly because: string };

/** Why a change needs a new process, in the words and the order of spec 01 section 7.2. */
export const RELOAD_REASONS = [
  "listener-changed",
  "listener-security-changed",
  "process-settings-changed",
  "logging-runtime-changed",
  "tls-mode-changed",
  "tls-backend-changed",
  "tls-client-auth-changed",
  "compliance-mode-changed",
  "acme-service-changed",
  "managed-php-service-changed",
  "admin-service-changed",
  "metrics-service-changed",
  "tracing-service-changed",
  "cache-purger-service-changed",
  "stream-service-changed",
  "udp-service-changed",
  "load-balancer-services-changed",
  "unclassified-process-state-changed",
] as const;

/** One of these. */
export type ReloadReason = typeof RELOAD_REASONS[number];

/** `live`: a snapshot carries it. Otherwise the reason why a change needs a new process. */
export type ReloadRule = "live" | ReloadReason;

/** What a change of a table asks of the running process. */
export type TableReload =
  | ReloadRule
  /** By key; one that is not named needs a new process, as unclassified. */
  | { readonly keys: Readonly<Record<string, ReloadRule>> }
  /** What `view` takes out of the checked table was fixed at the start; the rest is live. */
  | { readonly reason: ReloadReason; readonly view: (table: unknown) => unknown };

/** A table that does something with a request, of which a route has exactly one. */
export interface RouteAction {
  /** One of these keys must be set ... */
  readonly needs: readonly string[];
  /** ... or else this is what to say. */
  readonly otherwise: string;
}

/** A table or key of a module, for builds that lack the module. */
export interface CatalogTable {
  /** Below its scope: `proxy.load_balance`. */
  readonly table: string;
  readonly scopes: readonly TableScope[];
  readonly merge?: MergeRule;
  /** Off unless it says `enabled = true`; all others ask for something by being there. */
  readonly offByDefault?: true;
  readonly action?: RouteAction;
}

/** A command that a module brings, for builds that lack the module. */
export interface CatalogCommand {
  readonly name: string;
  /** What it needs, for a message: `the module cache`. */
  readonly needs: string;
}

/** Whether a module can be had. */
export type ModuleState =
  /** Its code is in these folders of `src/modules`, or, for none, in the gateway itself. */
  | { readonly kind: "built"; readonly folders: readonly string[] }
  /** Known by name so that configurations and tools parse, but this runtime can never prove it. */
  | { readonly kind: "no-provider"; readonly reason: string };

/** One module. */
export interface CatalogModule {
  readonly name: string;
  /** Modules that come with it. */
  readonly needs: readonly string[];
  readonly provides: string;
  readonly state: ModuleState;
  /** Its configuration tables, the same as its folder declares. */
  readonly tables: readonly CatalogTable[];
  /** Its commands, the same as its folder declares. */
  readonly commands: readonly CatalogCommand[];
  /** Profiles that contain it although Fluxheim 1.5 does not list it there. */
  readonly profiles: readonly string[];
}

/** A named set of modules. */
export interface CatalogProfile {
  /** As `-P=`, `deno task profile` and the file in `src/profiles` spell it. */
  readonly name: string;
  /** The 1.5 alias of the same set, where there is one: `profile-core`. */
  readonly alias?: string;
  /** Other profiles it starts from, by name. */
  readonly includes?: readonly string[];
  readonly modules: readonly string[];
  readonly use: string;
  /** Published as a binary of its own (spec 01 section 5.2, release artifacts). */
  readonly release: boolean;
}
