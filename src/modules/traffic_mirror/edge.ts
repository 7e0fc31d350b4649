/** Traffic mirroring at work (spec 02 section 9.9). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { zoneName } from "../../gateway/edge_policy.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { salt } from "../../zones/salt.ts";
import { CLIENT_ADDRESS_FIELDS, stripsClientAddress } from "../headers/table.ts";
import {
  CLAIMED_ADDRESS_FIELDS,
  endpointOf,
  serviceAt,
  type ServiceLimits,
} from "../proxy/edge.ts";
import { MARK, Mirror } from "./mirror.ts";
import { Sampling } from "./sampling.ts";
import type { MirrorConfig } from "./schema.ts";
import { IN_FLIGHT_ZONE, mirrorOf, SALT_ZONE } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "traffic-mirror",
  open: () => ({ start: (context) => new RunningMirrors(context) }),
};

function limitsOf(mirror: MirrorConfig): ServiceLimits {
  return {
    connectMs: undefined,
    totalMs: mirror.timeout_secs * 1000,
    maxResponseBytes: mirror.max_response_bytes,
  };
}

class RunningMirrors implements RunningModule {
  constructor(readonly context: SnapshotContext) {}

  plan(scope: RouteScope): Steps | undefined {
    const mirror = mirrorOf(scope);
    if (mirror?.base_url === undefined) return undefined;
    const { zones, metrics, log } = this.context;
    const { base_url } = mirror;
    const { mirror: step } = new Mirror({ ...mirror, base_url }, scope, {
      service: serviceAt(endpointOf(base_url), "mirror", limitsOf(mirror), this.context),
      withheld: this.#withheld(scope),
      sampling: new Sampling(zones.open(salt, SALT_ZONE)),
      inFlight: zones.open(count, zoneName(IN_FLIGHT_ZONE, scope)),
      metrics,
      log,
    });
    return { mirror: step };
  }

  /** Privacy builds send no client's address (spec 01 section 9); others not what clients claim. */
  #withheld(scope: RouteScope): readonly string[] {
    if (this.context.modules.has("privacy-mode")) return CLIENT_ADDRESS_FIELDS;
    return stripsClientAddress(scope) ? CLAIMED_ADDRESS_FIELDS : [];
  }

  stop(): void {}

  explain(scope: RouteScope, { method, request }: Exchange): string | undefined {
    const mirror = mirrorOf(scope);
    if (mirror === undefined) return undefined;
    if (!mirror.methods.some((copied) => copied === method)) return `does not copy ${method}`;
    if (request.has(MARK)) return "does not copy what is a copy itself";
    return `copies ${mirror.sample_per_mille} of 1000 requests to ${mirror.base_url}`;
  }
}
