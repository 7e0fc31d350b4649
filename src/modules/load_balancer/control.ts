/** Endpoints of the admin API for pools and their members (spec 06 A3.4, spec 03 sections 16 and 18). @module */
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
  STATUS_PARTS,
  type StatusPart,
} from "../admin/control.ts";
import { OPERATION_CALLS } from "./care/balancer_calls.ts";
import { members } from "./dashboard/members.ts";
import { missingPool } from "./memory/pool_names.ts";
import { poolsOfPart } from "./table.ts";

const DEADLINE_MS = 10_000;
/** The status of the gateway is not to wait for a balancer that hangs. */
const PART_DEADLINE_MS = 1_000;

const INPUTS: readonly (readonly [name: string, header: string])[] = [
  ["vhost", "Vhost"],
  ["route", "Route"],
  ["member", "Member"],
  ["state", "State"],
  ["weight", "Weight"],
];

function inputOf(inputs: Inputs): { readonly [key: string]: Plain } {
  const input: { [key: string]: Plain } = {};
  for (const [name, header] of INPUTS) {
    const value = inputs.value(`X-Fluxheim-Lb-${header}`, name);
    if (value !== undefined) input[name] = value;
  }
  // Either header wins over either key of the query.
  const to = inputs.value("X-Fluxheim-Lb-New-Member") ??
    inputs.value("X-Fluxheim-Lb-Address", "new_member", "address");
  if (to !== undefined) input.new_member = to;
  return input;
}

async function ask(
  name: string,
  input: Plain,
  context: ServiceContext,
  deadlineMs = DEADLINE_MS,
): Promise<Outcome> {
  const called = await context.service("balancer").call(name, input, deadlineMs);
  if (called.kind === "answer") return outcomeIn(called.value) ?? failure(500, "internal_error");
  // The status is asked for again and again; that the service is not there is logged by the keeper.
  if (name === "status") return failure(503, "the load balancer has not answered");
  context.log.log("error", "fluxheim", `${name} of the balancer has no answer: ${called.reason}`);
  return failure(503, "the load balancer has not answered; the log says why");
}

/** Without any pool there is no balancer to ask. */
function hasPools({ latest }: ServiceContext): boolean {
  return poolsOfPart(latest()).length > 0;
}

async function statusOf(
  vhost: string | undefined,
  context: ServiceContext,
  deadlineMs?: number,
): Promise<Outcome> {
  const input: Plain = vhost === undefined ? {} : { vhost };
  if (hasPools(context)) return await ask("status", input, context, deadlineMs);
  return { status: 200, body: { status: "ok", load_balancer: { vhosts: [] } } };
}

async function operate(name: string, inputs: Inputs, context: ServiceContext): Promise<Outcome> {
  const input = inputOf(inputs);
  if (hasPools(context)) return await ask(name, input, context);
  const [vhost, route] = [input.vhost, input.route].map((text) => String(text ?? "").trim());
  if (vhost === "") return failure(400, "load balancer vhost is missing");
  return failure(404, missingPool(context.latest(), vhost, route));
}

const endpoints: readonly Endpoint[] = [
  {
    method: "GET",
    path: "load-balancer/status",
    ops: "open",
    answer: (inputs, context) => statusOf(inputs.value("X-Fluxheim-Lb-Vhost", "vhost"), context),
  },
  ...OPERATION_CALLS.map(([name, path]): Endpoint => ({
    method: "POST",
    path: `load-balancer/${path}`,
    answer: (inputs, context) => operate(name, inputs, context),
  })),
];

/** `load_balancer` in the status of the gateway. */
const part: StatusPart = {
  key: "load_balancer",
  async read(context) {
    const { status, body } = await statusOf(undefined, context, PART_DEADLINE_MS);
    return status === 200 ? body.load_balancer : undefined;
  },
};

/** The load balancer's part in the control service. */
export const control: Service = {
  module: "load-balancer",
  role: "control",
  extends: [
    ...endpoints.map((endpoint) => ENDPOINTS.entry(endpoint)),
    STATUS_PARTS.entry(part),
    PANELS.entry(members),
  ],
  start: () => Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() }),
};
