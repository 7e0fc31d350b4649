/** Endpoints of the admin API for purges and status (spec 06 A3.5). @module */
import type { Service, ServiceContext } from "../../gateway/threads/service.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import {
  type Endpoint,
  ENDPOINTS,
  failure,
  type Inputs,
  type Outcome,
  outcomeIn,
  PANELS,
} from "../admin/control.ts";
import type { Config } from "../../config/types.ts";
import { panel } from "./dashboard/panel.ts";
import { OPERATIONS } from "./disk/disk_calls.ts";
import { Operations } from "./operate/operations.ts";
import { hasCaches } from "./table.ts";

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
  const input = inputOf(inputs);
  const config = context.latest() as Config;
  if (!hasCaches(config)) {
    // Without a cache there is no service to ask: what it would answer is known.
    return await new Operations(config, noTiers).run(name, input);
  }
  const called = await context.service("store").call(name, input, DEADLINE_MS);
  if (called.kind === "answer") return outcomeIn(called.value) ?? failure(500, "internal_error");
  // The status is asked for again and again; that the service is not there is logged by the keeper.
  if (name === "status") return failure(503, "the cache has not answered");
  context.log.log("error", "fluxheim", `${name} of the cache has no answer: ${called.reason}`);
  return failure(503, "the cache has not answered; the log says why");
}

function noTiers(): never {
  throw new Error("there is no cache");
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
  extends: [...endpoints.map((endpoint) => ENDPOINTS.entry(endpoint)), PANELS.entry(panel)],
  start: () => Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() }),
};
