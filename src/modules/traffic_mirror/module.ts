/** Traffic mirroring: copies of requests go to a second service (spec 02 section 9.9). @module */
import type { Config, Problem } from "../../config/types.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import { zoneName } from "../../gateway/edge_policy.ts";
import type {
  Grant,
  Module,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import type { ZoneRequest } from "../../net/zone.ts";
import { CLIENT_ADDRESS_FIELDS, dashed, requestPolicyFor } from "../headers/module.ts";
import {
  CLAIMED_ADDRESS_FIELDS,
  endpointGrant,
  endpointOf,
  forwardWarnings,
  proxyOf,
  proxyTables,
  type ServiceLimits,
  Services,
} from "../proxy/module.ts";
import { InFlight } from "./in_flight.ts";
import { MARK, Mirror } from "./mirror.ts";
import { Sampling } from "./sampling.ts";
import { type MirrorConfig, mirrorSchema } from "./schema.ts";

const ZONE = "traffic-mirror";
/** Zone of the salt that all workers sample by. */
const SALT_ZONE = "traffic-mirror/salt";
/** Most mirrors of one configuration (spec 02 section 9.9). */
const MAX_MIRRORS = 4096;

/** A mirror that is switched on. */
interface EnabledMirror {
  readonly mirror: MirrorConfig;
  readonly scope: RouteScope;
  readonly key: string;
}

/** The module `traffic-mirror`. */
export const module: Module = {
  name: "traffic-mirror",
  schema: [{ table: "proxy.mirror", scopes: ["root", "vhost", "route"], schema: mirrorSchema }],
  manifest: { net: true },
  check(config): Problem[] {
    const problems: Problem[] = [];
    const mirrors = enabledMirrors(config);
    for (const { mirror, scope, key } of mirrors) {
      if (mirror.base_url === undefined) {
        problems.push({ key: `${key}.base_url`, message: "is required when mirror is enabled" });
      }
      problems.push(...forwardWarnings(mirror.forward_headers, `${key}.forward_headers`));
      if (requestPolicyFor(scope).stripsClientAddress) {
        problems.push(...withheldWarnings(mirror, `${key}.forward_headers`));
      }
    }
    if (mirrors.length > MAX_MIRRORS) {
      const { key } = mirrors[MAX_MIRRORS];
      problems.push({ key, message: `is one more than ${MAX_MIRRORS} mirrors` });
    }
    return problems;
  },
  permissions(config) {
    const net: Grant[] = [];
    for (const { mirror: { base_url }, key } of enabledMirrors(config)) {
      if (base_url === undefined) continue;
      net.push({ value: endpointGrant(endpointOf(base_url)), key: `${key}.base_url`, for: "edge" });
    }
    return { net };
  },
  zones(config, workers): ZoneRequest[] {
    const mirrors = enabledMirrors(config);
    if (mirrors.length === 0) return [];
    const bytes = InFlight.bytes(workers);
    const counts = mirrors.map(({ scope }) => ({ name: zoneName(ZONE, scope), bytes }));
    return [{ name: SALT_ZONE, bytes: Sampling.bytes }, ...counts];
  },
  workerLost(config, zones, worker) {
    for (const { scope } of enabledMirrors(config)) {
      InFlight.reclaim(zones.get(zoneName(ZONE, scope)), worker);
    }
  },
  start(context) {
    return Promise.resolve(new RunningMirrors(context));
  },
};

function mirrorOf(scope: RouteScope): MirrorConfig | undefined {
  const mirror = proxyOf(scope)?.mirror;
  return mirror?.enabled === true ? mirror : undefined;
}

function enabledMirrors(config: Config): EnabledMirror[] {
  const mirrors: EnabledMirror[] = [];
  for (const { scope, key } of proxyTables(config)) {
    const mirror = mirrorOf(scope);
    if (mirror !== undefined) mirrors.push({ mirror, scope, key: `${key}.mirror` });
  }
  return mirrors;
}

/** Listed names under which clients claim addresses, where such claims are believed nowhere. */
function* withheldWarnings({ forward_headers }: MirrorConfig, key: string): Generator<Problem> {
  for (const [index, name] of forward_headers.entries()) {
    if (!CLAIMED_ADDRESS_FIELDS.includes(dashed(name))) continue;
    yield {
      key: `${key}[${index}]`,
      message: `"${name}" has no effect while headers.request.strip_inbound_client_ip_headers is ` +
        "true: clients could claim any address",
      hint: "x-real-ip and x-forwarded-for are told the client's address by the gateway",
      warning: true,
    };
  }
}

function limitsOf(mirror: MirrorConfig): ServiceLimits {
  return {
    connectMs: undefined,
    totalMs: mirror.timeout_secs * 1000,
    maxResponseBytes: mirror.max_response_bytes,
  };
}

class RunningMirrors implements RunningModule {
  readonly #services: Services;

  constructor(readonly context: WorkerContext) {
    this.#services = new Services(context.clock);
  }

  plan(scope: RouteScope): Steps | undefined {
    const mirror = mirrorOf(scope);
    if (mirror?.base_url === undefined) return undefined;
    const { zones, worker, metrics, log } = this.context;
    const { base_url } = mirror;
    const { mirror: step } = new Mirror({ ...mirror, base_url }, scope, {
      service: this.#services.at(endpointOf(base_url), limitsOf(mirror)),
      withheld: this.#withheld(scope),
      sampling: new Sampling(zones.get(SALT_ZONE)),
      inFlight: new InFlight(zones.get(zoneName(ZONE, scope)), worker),
      metrics,
      log,
    });
    return { mirror: step };
  }

  /** Privacy builds tell nobody a client's address (spec 01 section 9); others not what clients claim. */
  #withheld(scope: RouteScope): readonly string[] {
    if (this.context.modules.has("privacy-mode")) return CLIENT_ADDRESS_FIELDS;
    return requestPolicyFor(scope).stripsClientAddress ? CLAIMED_ADDRESS_FIELDS : [];
  }

  stop(): void {
    this.#services.stop();
  }

  explain(scope: RouteScope, { method, request }: Exchange): string | undefined {
    const mirror = mirrorOf(scope);
    if (mirror === undefined) return undefined;
    if (!mirror.methods.some((copied) => copied === method)) return `does not copy ${method}`;
    if (request.has(MARK)) return "does not copy what is a copy itself";
    return `copies ${mirror.sample_per_mille} of 1000 requests to ${mirror.base_url}`;
  }
}
