/** GeoIP at work: where each client is (spec 02 section 11.4). @module */
import type { Exchange } from "../../gateway/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  Step,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { blindSpots } from "./blind_spots.ts";
import type { Place } from "./database.ts";
import { placeUse } from "./place_use.ts";
import type { Places } from "./places.ts";
import { geoipOf } from "./table.ts";

/** Clock ticks between two looks at the files: five seconds. */
const REFRESH_TICKS = 20;

/** The capability, for workers; what reads databases is loaded where there are some. */
export const edge: EdgeModule = {
  name: "geoip",
  async start(context) {
    const geoip = geoipOf(context.config);
    if (geoip === undefined) return IDLE;
    const { Places } = await import("./places.ts");
    return new GeoIp(await Places.open(geoip, context.log), context);
  },
};

class GeoIp implements RunningModule {
  readonly #places: Places;
  readonly #identify: Step;
  readonly #stopTicking: () => void;

  constructor(places: Places, { config, clock, log, worker }: WorkerContext) {
    this.#places = places;
    this.#identify = (exchange) => {
      const place = places.lookup(exchange.clientAddress);
      exchange.geoCountry = place.country;
      exchange.geoAsn = place.asn;
    };
    if (worker === 0) {
      for (const message of blindSpots(config, places.databases)) {
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
    const asks = isAsked(scope) &&
      (scope.route === undefined || !isAsked({ ...scope, route: undefined }));
    return asks ? { identify: this.#identify } : undefined;
  }

  explain(_scope: RouteScope, exchange: Exchange): string {
    return inWords(this.#places.lookup(exchange.clientAddress));
  }

  async stop(): Promise<void> {
    this.#stopTicking();
    await this.#places.refreshed();
  }
}

/** Whether the access log or a policy of `scope` itself asks where a client is. */
function isAsked(scope: RouteScope): boolean {
  const { country, asn } = placeUse(scope);
  return scope.config.logging.access.enabled || country || asn;
}

function inWords({ country, asn }: Place): string {
  const parts = [
    country === "" ? "country unknown" : `country ${country}`,
    asn === null ? "AS number unknown" : `AS number ${asn}`,
  ];
  return parts.join(", ");
}
