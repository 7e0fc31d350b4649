/**
 * FastCGI, as a client: the codec (`params_writer.ts`, `record_parser.ts`) is pure, connections and pools
 * are thin.
 *
 * @module
 */
export { FastCgiConnection, type FastCgiRequest, type InputSource } from "./connection.ts";
export { FastCgiError, type FastCgiFailure } from "./error.ts";
export { ParamsWriter } from "./params_writer.ts";
export { FastCgiPool, type PoolEvent, type PoolOptions, type SharedCount } from "./pool.ts";
