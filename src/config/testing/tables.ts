/**
 * Small tables that stand in for those of modules, so that tests of the loader do not change with them.
 *
 * @module
 */
import { z } from "zod";
import type { TableSchema } from "../types.ts";
import {
  authority,
  enumWord,
  filePath,
  headerName,
  headerValue,
  list,
  secs,
} from "../schema/values.ts";

const proxy = z.strictObject({
  upstream: authority().optional().describe("Where to forward to."),
  upstreams: list(authority(), { max: 4, unique: "nocase" }).default([]).describe("Several."),
  connect_timeout_secs: secs().default(5).describe("How long to try."),
  mode: enumWord(["plain", "secure"]).default("plain").describe("How to speak."),
  mirror: z.strictObject({ base_url: z.string() }).optional(),
  auth_request: z.strictObject({
    url: z.string().optional().describe("Whom to ask."),
    forward: list(headerName(), { max: 4 }).default([]).describe("Fields to forward."),
  }).prefault({}),
});

const web = z.strictObject({
  root: filePath().optional().describe("Where the files are."),
  index: list(z.string(), { max: 4 }).default(["index.html"]).describe("Files of directories."),
});

const headers = z.strictObject({
  set: z.record(headerName(), headerValue()).default({}).describe("Fields to set."),
});

const stream = z.strictObject({
  enabled: z.boolean().default(false).describe("Serve streams."),
  labels: z.record(z.string(), z.string()).default({}).describe("Names."),
});

/** Tables as a build with proxy, web, headers and streams has them. */
export const testTables: readonly TableSchema[] = [
  { table: "proxy", scopes: ["root", "vhost", "route"], schema: proxy },
  { table: "web", scopes: ["root", "vhost", "route"], schema: web },
  { table: "headers", scopes: ["root", "vhost", "route"], schema: headers },
  { table: "stream", scopes: ["root"], schema: stream },
];

/** What is at `path` of a configuration; the types of tests do not know the tables above. */
export function valueAt(config: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => {
    return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }, config);
}
