/**
 * All tables of a configuration, whichever module owns them: those of the gateway itself, and those that a
 * build may lack.
 *
 * @module
 */
import { MODULES, UNNAMED } from "./modules.ts";
import type { CatalogTable, MergeRule, RouteAction, TableReload, TableScope } from "./types.ts";

/** A table of the gateway itself. */
interface CoreTable {
  readonly table: string;
  readonly merge: MergeRule;
  readonly reload: TableReload;
}

/** The tables of the gateway itself; their schemas are in `src/config/schema`. */
export const CORE_TABLES: readonly CoreTable[] = [
  {
    table: "server",
    merge: { rule: "keys", append: ["trusted_proxies"] },
    reload: {
      keys: {
        listen: "listener-changed",
        tls_listen: "listener-changed",
        unix: "listener-changed",
        trusted_proxies: "listener-security-changed",
        real_ip_header: "live",
        proxy_protocol: "listener-security-changed",
        limits: "listener-security-changed",
        process: "process-settings-changed",
        default_vhost: "live",
        regex_enabled: "live",
        https_redirect: "live",
        host_routing: "live",
      },
    },
  },
  {
    table: "logging",
    merge: "whole",
    reload: {
      keys: {
        level: "logging-runtime-changed",
        format: "logging-runtime-changed",
        target: "logging-runtime-changed",
        file: "logging-runtime-changed",
        syslog: "logging-runtime-changed",
        access: "live",
      },
    },
  },
  { table: "vhosts", merge: "entries", reload: "live" },
];

/** Order in which tables are checked, shown and documented (spec 01 section 1.6). */
const ROOT_ORDER = [
  "include_conf_d",
  "server",
  "admin",
  "metrics",
  "tracing",
  "logging",
  "headers",
  "tls",
  "proxy",
  "compression",
  "cache",
  "cache_purger",
  "web",
  "geoip",
  "stream",
  "udp",
  "vhosts",
];

/** A table or key of a module, and the module. */
export interface ModuleTable extends CatalogTable {
  readonly module: string;
}

/** The tables of all modules, outer ones before those in them. */
export const MODULE_TABLES: readonly ModuleTable[] = [...MODULES, ...UNNAMED]
  .flatMap(({ name, tables }) => tables.map((table) => ({ ...table, module: name })))
  .toSorted((a, b) => a.table.split(".").length - b.table.split(".").length);

/** Place of a top-level table in spec order; tables the spec does not know come before `vhosts`. */
export function rootRank(name: string): number {
  const rank = ROOT_ORDER.indexOf(name);
  return rank < 0 ? ROOT_ORDER.length - 1.5 : rank;
}

/** Whether there is a top-level table of that name, in this build or in another. */
export function isRootTable(name: string): boolean {
  return ROOT_ORDER.includes(name) || tableNames("root").includes(name);
}

/** Names of the tables that modules add to `scope` itself. */
export function tableNames(scope: TableScope): readonly string[] {
  return MODULE_TABLES
    .filter(({ table, scopes }) => !table.includes(".") && scopes.includes(scope))
    .map(({ table }) => table);
}

/** The merge rule of a top-level table of the gateway itself, or of a module that this build may lack. */
export function catalogMergeRule(name: string): MergeRule | undefined {
  return CORE_TABLES.find(({ table }) => table === name)?.merge ??
    MODULE_TABLES.find(({ table, scopes }) => table === name && scopes.includes("root"))?.merge;
}

/** What a route may do with a request, by the name of the table that says so. */
export const ROUTE_ACTIONS: readonly (RouteAction & { readonly table: string })[] = [
  { table: "redirect", needs: ["to"], otherwise: "must have a target" },
  ...MODULE_TABLES.flatMap(({ table, action }) => action === undefined ? [] : { table, ...action }),
];
