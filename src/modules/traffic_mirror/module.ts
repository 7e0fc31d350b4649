/** Traffic mirroring: copies of requests go to a second service (spec 02 section 9.9). @module */
import type { Config, Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type {
  Grant,
  Module,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { endpointGrant, endpointOf } from "../proxy/module.ts";
import { Mirror } from "./mirror.ts";
import { type MirrorConfig, mirrorSchema } from "./schema.ts";

/** The module `traffic-mirror`. */
export const module: Module = {
  name: "traffic-mirror",
  schema: [{ table: "proxy.mirror", scopes: ["root", "vhost", "route"], schema: mirrorSchema }],
  manifest: { net: true },
  check(config): Problem[] {
    return [...enabledMirrors(config)]
      .filter(([mirror]) => mirror.base_url === undefined)
      .map(([, key]) => ({
        key: `${key}.base_url`,
        message: "is required when mirror is enabled",
      }));
  },
  permissions(config) {
    const net: Grant[] = [];
    for (const [{ base_url }, key] of enabledMirrors(config)) {
      if (base_url === undefined) continue;
      net.push({ value: endpointGrant(endpointOf(base_url)), key: `${key}.base_url`, for: "edge" });
    }
    return { net };
  },
  start(context) {
    return Promise.resolve(new RunningMirrors(context));
  },
};

function mirrorOf({ vhost, route }: RouteScope): MirrorConfig | undefined {
  const mirror = route === undefined ? vhost.proxy?.mirror : route.proxy?.mirror;
  return mirror?.enabled === true ? mirror : undefined;
}

function* enabledMirrors(config: Config): Generator<readonly [MirrorConfig, key: string]> {
  for (const scope of scopesOf(config)) {
    const mirror = mirrorOf(scope);
    if (mirror !== undefined) yield [mirror, `${scope.key}.proxy.mirror`];
  }
}

class RunningMirrors implements RunningModule {
  readonly #mirrors: Mirror[] = [];

  constructor(readonly context: WorkerContext) {}

  plan(scope: RouteScope): Steps | undefined {
    const config = mirrorOf(scope);
    if (config?.base_url === undefined) return undefined;
    const mirror = new Mirror({ ...config, base_url: config.base_url }, scope, this.context);
    this.#mirrors.push(mirror);
    return { mirror: mirror.mirror };
  }

  stop(): void {
    for (const mirror of this.#mirrors) mirror.stop();
  }

  explain(scope: RouteScope): string | undefined {
    const mirror = mirrorOf(scope);
    return mirror && `copies ${mirror.sample_per_mille} of 1000 requests to ${mirror.base_url}`;
  }
}
