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
import { identify, openDatabase } from "./database_file.ts";
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
    // All files are looked at before one is read: together they may be too large to be read at all.
    const files = await eachDatabase(geoip, problems, async ({ path }, key) => {
      const identity = await identify(path);
      const { uid } = identity;
      if (uid !== null && uid !== 0 && system.uid >= 0 && uid !== system.uid) {
        problems.push({ key, message: `${path} must belong to root or to the service user` });
      }
      return identity;
    });
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total > MAX_TOTAL_BYTES) {
      problems.push({ key: "geoip.databases", message: "must be at most 1 GiB in all" });
    }
    if (problems.length > 0) return problems;
    const databases = await eachDatabase(
      geoip,
      problems,
      ({ path, provider }, _key, i) => openDatabase(path, provider, files[i]),
    );
    if (problems.length > 0) return problems;
    return blindSpots(config, databases).map((message) => ({
      key: "geoip.databases",
      message,
      warning: true,
    }));
  },

  async start(context) {
    const geoip = enabled(context.config);
    if (geoip === undefined) return IDLE;
    const places = await Places.open(geoip, context.log);
    return new GeoIp(places, context);
  },
};

type DatabaseConfig = GeoipConfig["databases"][number];

/** Does a job for each database that is asked at all; what is wrong with one is a problem of its key. */
async function eachDatabase<T>(
  geoip: GeoipConfig,
  problems: Problem[],
  job: (database: DatabaseConfig, key: string, index: number) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (const [i, database] of consulted(geoip).entries()) {
    const key = `geoip.databases[${i}].path`;
    try {
      done.push(await job(database, key, i));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      problems.push({ key, message: `${database.path} ${error.message}` });
    }
  }
  return done;
}

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
