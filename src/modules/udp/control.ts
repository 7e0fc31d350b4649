/** The status of UDP routes in the admin API (spec 06 section A3.6). @module */
import type { Service, ServiceContext } from "../../gateway/threads/service.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import {
  type Endpoint,
  ENDPOINTS,
  failure,
  STATUS_PARTS,
  type StatusPart,
} from "../admin/control.ts";
import { udpRoutes } from "./table.ts";

/** How long the service may take. */
const DEADLINE_MS = 2_000;

/** `undefined` where the service does not answer. */
async function read(context: ServiceContext): Promise<Plain | undefined> {
  if (!isOn(context)) return { enabled: false, route_count: 0, routes: [] };
  const called = await context.service("udp").call("status", null, DEADLINE_MS);
  if (called.kind !== "answer" || !Array.isArray(called.value)) return undefined;
  return { enabled: true, route_count: called.value.length, routes: called.value };
}

const endpoint: Endpoint = {
  method: "GET",
  path: "udp/status",
  ops: "open",
  async answer(_inputs, context) {
    const udp = await read(context);
    if (udp === undefined) return failure(503, "the UDP proxy has not answered");
    return { status: 200, body: { status: "ok", udp } };
  },
};

const part: StatusPart = {
  key: "udp",
  read: (context) => isOn(context) ? read(context) : Promise.resolve(undefined),
};

function isOn({ config }: ServiceContext): boolean {
  return udpRoutes(config).length > 0;
}

/** The part in the control service. */
export const control: Service = {
  module: "udp-proxy",
  role: "control",
  extends: [ENDPOINTS.entry(endpoint), STATUS_PARTS.entry(part)],
  start: () => Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() }),
};
