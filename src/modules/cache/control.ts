/** Endpoints of the admin API for purges and status (spec 06 A3.5). @module */
import type { Service, ServiceContext } from "../../gateway/service.ts";
import type { Plain } from "../../gateway/thread.ts";
import { type Endpoint, ENDPOINTS, failure, type Inputs, type Outcome } from "../admin/control.ts";
import { OPERATIONS } from "./disk_calls.ts";

/** A scan over many objects takes its time. */
const DEADLINE_MS = 60_000;

/** Inputs by their name in calls: the end of the header's name, and names in the query. */
const INPUTS: readonly (readonly [name: string, header: string, ...keys: string[]])[] = [
  ["vhost", "Vhost", "vhost"],
  ["route", "Route", "route"],
  ["host", "Host", "host"],
  ["method", "Method", "method"],
  ["path", "Path", "path"],
  ["query", "Query", "url_query", "cache_query"],
  ["scheme", "Scheme", "scheme"],
  ["port", "Port", "port"],
  ["prefix", "Path-Prefix", "path_prefix", "prefix"],
  ["tag", "Tag", "cache_tag", "tag"],
  ["pattern", "Path-Pattern", "path_pattern", "pattern", "wildcard"],
  ["limit", "Limit", "limit"],
  ["batches", "Batches", "batches"],
];

function inputOf(inputs: Inputs): { [key: string]: Plain } {
  const input: { [key: string]: Plain } = {};
  for (const [name, header, ...keys] of INPUTS) {
    const value = inputs.value(`X-Fluxheim-Cache-${header}`, ...keys);
    if (value !== undefined) input[name] = value;
  }
  input.soft = inputs.flag("X-Fluxheim-Cache-Soft", "soft");
  input.dry_run = inputs.flag("X-Fluxheim-Cache-Dry-Run", "dry_run", "dry-run");
  const listed = inputs.value("X-Fluxheim-Cache-Paths")?.split(",").map((path) => path.trim());
  const repeated = inputs.all("path");
  input.paths = repeated.length > 0 ? [...repeated] : listed ?? [];
  return input;
}

async function ask(name: string, inputs: Inputs, context: ServiceContext): Promise<Outcome> {
  const called = await context.service("store").call(name, inputOf(inputs), DEADLINE_MS);
  if (called.kind !== "answer") return failure(503, "the cache has not answered");
  const { value } = called;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return failure(500, "internal_error");
  }
  const { status, body } = value as { [key: string]: Plain };
  return typeof status === "number" && typeof body === "object" && body !== null
    ? { status, body: body as Outcome["body"] }
    : failure(500, "internal_error");
}

const endpoints = OPERATIONS.map((name): Endpoint => ({
  method: name === "status" ? "GET" : "POST",
  path: `cache/${name}`,
  ops: name === "status" ? "open" : undefined,
  answer: (inputs, context) => ask(name, inputs, context),
}));

/** The cache's part in the control service. */
export const control: Service = {
  module: "cache",
  role: "control",
  extends: endpoints.map((endpoint) => ENDPOINTS.entry(endpoint)),
  start: () => Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() }),
};
