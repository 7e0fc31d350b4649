/** GeoIP at work: where each client is (spec 02 section 11.4). @module */
import type { Exchange } from "../../gateway/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  Steps,
} from "../../gateway/module.ts";
import { blindSpots } from "./blind_spots.ts";
import type { Place } from "./database.ts";
import type { Places } from "./places.ts";
import { geoipOf } from "./table.ts";

/** Clock ticks between two looks at the files: five seconds. */
const REFRESH_TICKS = 20;

/** The capability, for workers; what reads databases is loaded where there are some. */
export const edge: EdgeModule = {
  name: "geoip",
  open: () => ({
    async start(context) {
      const geoip = geoipOf(context.config);
      if (geoip === undefined) return IDLE;
      const { Places } = await import("./places.ts");
      return new GeoIp(await Places.open(geoip, context.log), context);
    },
  }),
};

class GeoIp implements RunningModule {
  readonly #places: Places;
  readonly #identify: Step;
  readonly #context: SnapshotContext;
  readonly #stopTicking: () => void;

  constructor(places: Places, context: SnapshotContext) {
    const { config, clock, log, worker } = context;
    this.#places = places;
    this.#context = context;
    this.#identify = (exchange) => {
      const place = places.lookup(exchange.clientAddress);
      exchange.findings.country = place.country;
      exchange.findings.asn = place.asn;
    };
    if (worker === 0) {
      for (const message of blindSpots(config, places.databases, context.wanted)) {
        log.log("warn", "fluxheim::security", `geoip: ${message}`);
      }
    }
    let ticks = 0;
    this.#stopTicking = clock.every(() => {
      if (++ticks % REFRESH_TICKS !== 0) return;
      places.refresh().catch((error) => {
        log.log("error", "fluxheim", `geoip: fault while looking at the databases: ${error}`);
      });
    });
  }

  /** Where somebody asks; once for a vhost, if it does itself: then its routes know as well. */
  plan(scope: RouteScope): Steps | undefined {
    const asks = this.#isAsked(scope) &&
      (scope.route === undefined || !this.#isAsked({ ...scope, route: undefined }));
    return asks ? { identify: this.#identify } : undefined;
  }

  /** Whether the access log or a policy of `scope` itself asks where a client is. */
  #isAsked(scope: RouteScope): boolean {
    return scope.config.logging.access.enabled || this.#context.wanted(scope).size > 0;
  }

  explain(_scope: RouteScope, exchange: Exchange): string {
    return inWords(this.#places.lookup(exchange.clientAddress));
  }

  async stop(): Promise<void> {
    this.#stopTicking();
    await this.#places.refreshed();
  }
}

function inWords({ country, asn }: Place): string {
  const parts = [
    country === "" ? "country unknown" : `country ${country}`,
    asn === null ? "AS number unknown" : `AS number ${asn}`,
  ];
  return parts.join(", ");
}
