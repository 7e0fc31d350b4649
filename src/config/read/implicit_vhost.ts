/**
 * The vhost that exists when none is configured (spec 02 section 1).
 *
 * @module
 */
import { type Schema, schemaAt, type Table } from "../schema/schema_walk.ts";
import { newTable } from "./toml.ts";

/** Where the implicit vhost forwards to when nothing at all says so. */
const DEFAULT_UPSTREAM = "127.0.0.1:3000";
/**
 * Global tables that become the vhost's own. `headers` and `compression` are not among them: a vhost
 * without such a table inherits the global one anyway.
 */
const TAKEN_OVER = ["proxy", "web", "cache"];

/** Names the default upstream when there is no `[proxy]` table and this build could proxy. */
export function lendUpstream(schema: Schema, root: Table): void {
  if (Object.hasOwn(root, "proxy") || schemaAt(schema, ["proxy"]) === undefined) return;
  const proxy = newTable();
  proxy.upstream = DEFAULT_UPSTREAM;
  root.proxy = proxy;
}

/** A vhost `default` without hosts or routes, made of the checked global tables. */
export function implicitVhost(schema: Schema, value: Table): Table {
  const vhost: Table = { name: "default", hosts: [], routes: [] };
  for (const name of TAKEN_OVER) {
    const known = schemaAt(schema, ["vhosts", 0, name]) !== undefined;
    if (known && value[name] !== undefined) vhost[name] = value[name];
  }
  return vhost;
}
