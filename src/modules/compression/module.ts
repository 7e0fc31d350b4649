/**
 * Compression of answers (spec 02 section 12): gzip, Zstandard and Brotli, whichever codecs the build
 * has, for clients that ask for them. Static files are compressed as proxied answers are; what stands in
 * a cache stays as it came.
 *
 * In a profile this module stands behind the header policy and everything else that has a `response`
 * step: it looks at the fields that are really sent, and nothing may change them afterwards.
 *
 * @module
 */
import { ByScope } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type {
  Module,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { offeredCodecs } from "./codec.ts";
import { Compressor, type Offer } from "./compressor.ts";
import { type CompressionConfig, compressionSchema } from "./schema.ts";
import { StateBudget } from "./state_budget.ts";

export { type Codec, codecModule } from "./codec.ts";
export type { CompressionConfig } from "./schema.ts";

/** The table that holds in a scope: the nearest one, whole (spec 02 section 1). */
function tableOf({ config, vhost, route }: RouteScope): CompressionConfig | undefined {
  return route?.compression ?? vhost.compression ?? config.compression;
}

/** The streams of a worker share one budget, whatever snapshot they belong to. */
const budget = new StateBudget();

/** The capability, for profiles. */
export const module: Module = {
  name: "compression",
  schema: [{ table: "compression", scopes: ["root", "vhost", "route"], schema: compressionSchema }],
  manifest: {},
  permissions: () => ({}),
  start: (context) => Promise.resolve(new Compression(context)),
};

class Compression implements RunningModule {
  readonly #context: WorkerContext;
  readonly #compressors = new ByScope<Compressor>();

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const config = tableOf(scope);
    if (config === undefined || !config.enabled) return undefined;
    const offers = new Map<string, Offer>();
    for (const codec of offeredCodecs(config)) {
      offers.set(codec.coding, {
        codec,
        level: codec.level(config),
        counter: this.#context.metrics.counter("fluxheim_response_compressions_total", {
          scope: scope.route === undefined ? "vhost" : "route",
          vhost: scope.vhost.name,
          route: scope.route?.name ?? "",
          encoding: codec.coding,
        }),
      });
    }
    if (offers.size === 0) return undefined;
    const compressor = new Compressor(config, offers, budget);
    this.#compressors.set(scope, compressor);
    return { response: (exchange) => compressor.respond(exchange) };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    return this.#compressors.get(scope)?.explain(exchange.request);
  }

  /** Streams end with their exchanges. */
  stop(): void {}
}
