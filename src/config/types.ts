/**
 * The configuration as the program sees it: checked, complete, frozen. Keys keep the names and units
 * that an operator writes in TOML (`connect_timeout_secs` is seconds), so that a key in a file, in the
 * documents, in an error and in the code is the same word; byte sizes are plain integers. A module turns
 * its units into what it works with once, when it starts.
 *
 * Each module adds its own tables to {@linkcode RootTables}, {@linkcode VhostTables} and
 * {@linkcode RouteTables} by declaration merging beside its schema:
 *
 * ```ts ignore
 * declare module "../../config/types.ts" {
 *   interface VhostTables { readonly web?: WebConfig }
 *   interface RouteTables { readonly web?: WebConfig }
 * }
 * ```
 *
 * @module
 */
import type { MergeRule, TableReload, TableScope } from "../catalog/types.ts";
import type { CoreRoute, CoreVhost, LoggingConfig, ServerConfig } from "./schema/core_tables.ts";

export type {
  MergeRule,
  ReloadReason,
  ReloadRule,
  TableReload,
  TableScope,
} from "../catalog/types.ts";

/** Tables that modules own at the top level. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface RootTables {}
/** Tables that modules own under `[[vhosts]]`. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface VhostTables {}
/** Tables that modules own under `[[vhosts.routes]]`. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface RouteTables {}

/** One `[[vhosts.routes]]`. */
export interface RouteConfig extends CoreRoute, RouteTables {
  /** A table of the vhost stands for it, of this name: it goes before all routes that are written. */
  readonly madeOf?: string;
}

/** One `[[vhosts]]`, or the implicit `default` one (spec 02 section 1). */
export interface VhostConfig extends CoreVhost, VhostTables {
  /** As they are written, after those that stand for a table of the vhost. */
  readonly routes: readonly RouteConfig[];
}

/** The whole configuration. */
export interface Config extends RootTables {
  /** `[server]`. */
  readonly server: ServerConfig;
  /** `[logging]`. */
  readonly logging: LoggingConfig;
  /** Never empty: without `[[vhosts]]` it holds the implicit vhost built from the global tables. */
  readonly vhosts: readonly VhostConfig[];
}

/** Something an operator must change. A value, not an exception; all of them are reported in one run. */
export interface Problem {
  /** Key path as the operator would write it: `vhosts[1].routes[0].path_prefix`; `""` for the file itself. */
  readonly key: string;
  /** What is wrong and what is allowed, in one sentence. Nothing is decided by its words. */
  readonly message: string;
  /**
   * Other keys it is about, written as `key` is: what is wrong with one of them explains this problem, which is
   * then not reported beside it. One without positions, `vhosts.name`, stands for that key of every entry.
   */
  readonly about?: readonly string[];
  /** The vhost and route it is about: `vhost "shop", route "api"`. Filled in by the loader. */
  readonly scope?: string;
  /** A way out, when there is an obvious one: `did you mean "hosts"?`. */
  readonly hint?: string;
  /** File it came from and line, where known. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** A warning does not stop the program. */
  readonly warning?: boolean;
  /** A warning that less is protected than the configuration seems to say; logged as `fluxheim::security`. */
  readonly security?: boolean;
}

/**
 * A schema of zod 4 (`z.ZodType`), of any copy of it. The contract names only what distinguishes zod's schemas from
 * others, so that it does not depend on zod's types.
 */
export interface ZodSchema {
  /** As the convention "Standard Schema" has it. */
  readonly "~standard": { readonly version: 1; readonly vendor: string };
}

/** One configuration table a module owns. */
export interface TableSchema {
  /**
   * Its name below its scope: `"web"`, `"access"`, `"proxy"`. A dotted name, `"proxy.load_balance"`,
   * adds a key to a table that another module of the same build owns, or to each table of a list.
   */
  readonly table: string;
  /** Each scope in which it may be. */
  readonly scopes: readonly TableScope[];
  /** Left out, and no fault, in builds without the module that owns the table around it. */
  readonly ifPresent?: true;
  /**
   * Unknown keys are refused at every level: built with `z.strictObject` and the builders of
   * `values.ts`, each key with a `.describe()`. The table may be left out: a schema that does not
   * accept `undefined` is made optional. What comes out must be accepted again as input, because the
   * effective configuration is stored and loaded as TOML.
   */
  readonly schema: ZodSchema;
  /** How a top-level table of a later file meets one of an earlier file; `fields` unless given. */
  readonly merge?: MergeRule;
  /**
   * What a change of it asks of the running process. A table that says nothing needs a new one, as
   * unclassified.
   */
  readonly reload?: TableReload;
  /**
   * The table at the root is that of the vhost that there is without `[[vhosts]]`, and no vhost inherits
   * it: beside `[[vhosts]]` it is a warning.
   */
  readonly withoutVhosts?: boolean;
  /**
   * For a table of vhosts that stands for a route: that route, as a file would have it, made of the checked
   * table. It goes before those that are written, and problems with its action are reported for the table.
   */
  readonly route?: (
    table: Readonly<Record<string, unknown>>,
  ) => Record<string, unknown> | undefined;
}

/** A default that a build has in place of a schema's. */
export interface BuildDefault {
  /** Keys from the root: `["logging", "access", "enabled"]`. */
  readonly path: readonly string[];
  /** As a file would have it. */
  readonly value: unknown;
}
