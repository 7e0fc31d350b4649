/** GeoIP at work: where each client is (spec 02 section 11.4). @module */
import type { AccessField } from "../../gateway/reports/access_field.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
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

/** The capability, for workers; what reads databases is loaded where there are some. */
export const edge: EdgeModule = {
  name: "geoip",
  open: () => ({
    async start(context) {
      const geoip = geoipOf(context.config);
      if (geoip === undefined) return { ...IDLE, accessFields: ACCESS_FIELDS };
      const { Places } = await import("./places.ts");
      return new GeoIp(new Places(geoip, context.files), context);
    },
  }),
};

/** In the record of every build with this module. */
const ACCESS_FIELDS: readonly AccessField[] = [
  { name: "geo_country", of: ({ findings }) => findings.country },
  { name: "geo_asn", of: ({ findings }) => findings.asn },
];

class GeoIp implements RunningModule {
  readonly accessFields = ACCESS_FIELDS;
  readonly #places: Places;
  readonly #identify: Step;
  readonly #context: SnapshotContext;

  constructor(places: Places, context: SnapshotContext) {
    const { config, log, worker } = context;
    this.#places = places;
    this.#context = context;
    this.#identify = (exchange) => {
      const place = places.lookup(exchange.clientAddress);
      const { findings } = exchange;
      findings.country = place.country;
      findings.asn = place.asn;
    };
    if (worker === 0) {
      for (const message of blindSpots(config, places.databases, context.wanted)) {
        log.log("warn", "fluxheim::security", `geoip: ${message}`);
      }
    }
  }

  /** Where a rule asks; once for a vhost, if it does itself: then its routes know as well. */
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

  stop(): void {}
}

function inWords({ country, asn }: Place): string {
  const parts = [
    country === "" ? "country unknown" : `country ${country}`,
    asn === null ? "AS number unknown" : `AS number ${asn}`,
  ];
  return parts.join(", ");
}
