/**
 * The types of the tables that the gateway itself owns, as they come out of their schemas.
 *
 * @module
 */
import type { z } from "zod";
import type { loggingSchema } from "./logging_schema.ts";
import type { serverSchema } from "./server_schema.ts";
import type { routeShape, vhostShape } from "./vhost_schema.ts";
import type { Frozen } from "../frozen.ts";

/** Keys that modules add to `[server]`. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface ServerTables {}

/** `[server]`. */
export type ServerConfig = Frozen<z.output<typeof serverSchema>> & ServerTables;
/** `[logging]`. */
export type LoggingConfig = Frozen<z.output<typeof loggingSchema>>;
/** `[[vhosts.routes]]` without the tables of modules. */
export type CoreRoute = Frozen<z.output<z.ZodObject<typeof routeShape>>>;
/** `[[vhosts]]` without the tables of modules and without routes. */
export type CoreVhost = Frozen<z.output<z.ZodObject<typeof vhostShape>>>;

/** The root without the tables of modules and without vhosts. */
export interface CoreConfig {
  readonly server: ServerConfig;
  readonly logging: LoggingConfig;
}
