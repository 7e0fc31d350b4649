/**
 * The `[logging]` table (spec 06 section D1).
 *
 * @module
 */
import { z } from "zod";
import { enumWord, filePath, headerName } from "./values.ts";

const file = z.strictObject({
  enabled: z.boolean().default(false).describe("Write to a file instead of `target`."),
  path: filePath().optional().describe("The log file. Required when enabled."),
  append: z.boolean().default(true).describe("Keep what is there; `false` truncates at start."),
});

const access = z.strictObject({
  enabled: z.boolean().default(true).describe("Write one record a request."),
  include_host: z.boolean().default(true).describe("Fill `host`; off leaves it empty."),
  include_client_ip: z.boolean().default(true).describe("Fill `client_ip`."),
  include_cache_phase: z.boolean().default(true).describe("Fill `cache_phase`."),
  include_path: z.boolean().default(true).describe("Fill `path`, which never has the query."),
  include_route: z.boolean().default(true).describe("Fill `route`."),
  include_listener: z.boolean().default(false)
    .describe("Add `listener`, the entry of `[server]` that the connection came in by."),
  include_upstream: z.boolean().default(true).describe("Fill `upstream` and `upstream_alias`."),
  request_id: z.boolean().default(true)
    .describe("Take over or make a request id, forward it and log it."),
  request_id_header: headerName().default("x-request-id")
    .describe("Header field of the request id."),
});

/** `[logging]`. */
export const loggingSchema = z.strictObject({
  level: enumWord(["trace", "debug", "info", "warn", "error", "off"]).default("info")
    .describe("Least severity that is written. Access records are `info`."),
  format: enumWord(["json", "text"]).default("json").describe("Form of a record."),
  target: enumWord(["stderr", "stdout"]).default("stderr").describe("Where records go."),
  file: file.prefault({}),
  access: access.prefault({}),
});
