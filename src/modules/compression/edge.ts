/** Compression at work (spec 02 section 12). @module */
import { ByScope } from "../../gateway/edge_policy.ts";
import { SPAN_ATTRIBUTES } from "../../gateway/reports/span_attribute.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  EdgeModule,
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { type Codec, CODECS, offeredCodecs } from "./codec.ts";
import { Compressor, type Offer } from "./compressor.ts";
import type { CompressionConfig } from "./schema.ts";
import { StateBudget } from "./state_budget.ts";

export { type Codec, codecModule } from "./codec.ts";

/** The capability, for workers. The streams of a worker share one budget, whatever snapshot they are of. */
export const edge: EdgeModule = {
  name: "compression",
  extends: [SPAN_ATTRIBUTES.entry({
    key: "fluxheim.compression.encoding",
    of: ({ findings }) => findings.contentCoding || undefined,
  })],
  open(worker) {
    const codecs = worker.extensions(CODECS);
    const budget = new StateBudget();
    return { start: (context) => new Compression(context, codecs, budget) };
  },
};

/** The table that holds in a scope: the nearest one, whole (spec 02 section 1). */
function tableOf({ config, vhost, route }: RouteScope): CompressionConfig | undefined {
  return route?.compression ?? vhost.compression ?? config.compression;
}

class Compression implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #compressors = new ByScope<Compressor>();

  constructor(
    context: SnapshotContext,
    readonly codecs: readonly Codec[],
    readonly budget: StateBudget,
  ) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const config = tableOf(scope);
    if (config === undefined || !config.enabled) return undefined;
    const offers = new Map<string, Offer>();
    for (const codec of offeredCodecs(config, this.codecs)) {
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
    const compressor = new Compressor(config, offers, this.budget);
    this.#compressors.set(scope, compressor);
    return {
      recodes: (exchange, mediaType, length) => compressor.recodes(exchange, mediaType, length),
      lookup: (exchange) => compressor.askForTheWhole(exchange),
      response: (exchange) => compressor.respond(exchange),
    };
  }

  explain(scope: RouteScope, exchange: Exchange, phase?: Phase): string | undefined {
    if (phase === "lookup") return "asks for the whole where If-Range has a date";
    return this.#compressors.get(scope)?.explain(exchange.request);
  }

  /** Streams end with their exchanges. */
  stop(): void {}
}
