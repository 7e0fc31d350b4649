/**
 * GeoIP (spec 02 section 11.4): finds the country and the network of a client's address in local
 * databases, for access rules, the access log and request fields.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type {
  Grant,
  Module,
  RouteScope,
  RunningModule,
  Step,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { DatabaseError, type GeoDatabase, type Place } from "./database.ts";
import { identify } from "./database_file.ts";
import { type PlaceUse, placeUse } from "./place_use.ts";
import { consulted, Places } from "./places.ts";
import { type GeoipConfig, geoipSchema } from "./schema.ts";

export type { GeoipConfig } from "./schema.ts";

/** Largest databases taken together. */
const MAX_TOTAL_BYTES = 1024 * 1024 * 1024;

/** Clock ticks between two looks at the files: five seconds. */
const REFRESH_TICKS = 20;

/** The `[geoip]` table, if it is switched on. */
function enabled({ geoip }: Config): GeoipConfig | undefined {
  return geoip?.enabled === true ? geoip : undefined;
}

/** The capability, for profiles. */
export const module: Module = {
  name: "geoip",
  schema: [{ table: "geoip", scopes: ["root"], schema: geoipSchema, merge: "whole" }],
  manifest: { read: true },

  permissions(config) {
    const geoip = enabled(config);
    if (geoip === undefined) return {};
    const read = consulted(geoip).flatMap(({ path: value }, i): Grant[] => {
      const key = `geoip.databases[${i}].path`;
      return [{ value, key, for: "edge" }, { value, key, for: "keeper" }];
    });
    return { read };
  },

  async preflight(config, system) {
    const geoip = enabled(config);
    if (geoip === undefined) return [];
    const problems: Problem[] = [];
    let total = 0;
    for (const [i, { path }] of consulted(geoip).entries()) {
      const key = `geoip.databases[${i}].path`;
      try {
        const { bytes, uid } = await identify(path);
        total += bytes;
        if (uid !== null && uid !== 0 && system.uid >= 0 && uid !== system.uid) {
          problems.push({ key, message: `${path} must belong to root or to the service user` });
        }
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        problems.push({ key, message: `${path} ${error.message}` });
      }
    }
    if (total > MAX_TOTAL_BYTES) {
      problems.push({ key: "geoip.databases", message: "must be at most 1 GiB in all" });
    }
    if (problems.length > 0) return problems;
    try {
      const places = await Places.open(geoip, NO_LOG);
      return blindSpots(config, places.databases).map((message) => ({
        key: "geoip.databases",
        message,
        warning: true,
      }));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return [{ key: "geoip.databases", message: error.message }];
    }
  },

  async start(context) {
    const geoip = enabled(context.config);
    if (geoip === undefined) return IDLE;
    const places = await Places.open(geoip, context.log);
    return new GeoIp(places, context);
  },
};

const NO_LOG = { enabled: () => false, log() {}, access() {} };

/** What runs where `[geoip]` is off. */
const IDLE: RunningModule = { plan: () => undefined, stop() {} };

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

/** What some policy asks and no database looks able to tell. */
function blindSpots(config: Config, databases: readonly GeoDatabase[]): string[] {
  const uses: readonly PlaceUse[] = Array.from(scopesOf(config), placeUse);
  const types = databases.map(({ type }) => type).join(", ");
  const missing: string[] = [];
  if (uses.some(({ country }) => country) && !databases.some((database) => database.tellsCountry)) {
    missing.push(`policies ask for countries, which databases of type ${types} do not tell`);
  }
  if (uses.some(({ asn }) => asn) && !databases.some((database) => database.tellsAsn)) {
    missing.push(`policies ask for AS numbers, which databases of type ${types} do not tell`);
  }
  return missing;
}
