/**
 * Where clients are: the configured databases in their order, with a bounded memory of their answers,
 * kept up to date with the files.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { Logger } from "../../gateway/log.ts";
import { DatabaseError, type GeoDatabase, NOWHERE, type Place } from "./database.ts";
import { type FileIdentity, identify, openDatabase } from "./database_file.ts";
import type { GeoipConfig, GeoProvider } from "./schema.ts";
import { consulted } from "./table.ts";

/** Most addresses remembered by one worker: a look-up in a city database takes microseconds. */
const MAX_REMEMBERED = 8192;

interface Source {
  readonly path: string;
  readonly provider: GeoProvider;
  database: GeoDatabase;
  /** What `database` was read from, or what could not be read since. */
  stamp: string;
}

/** The open databases of one configuration. */
export class Places {
  readonly #sources: readonly Source[];
  readonly #log: Logger;
  readonly #remembered = new LRUCache<string, Place>({ max: MAX_REMEMBERED });
  #refreshing: Promise<void> | undefined;

  private constructor(sources: readonly Source[], log: Logger) {
    this.#sources = sources;
    this.#log = log;
  }

  /**
   * Opens the databases that `config` asks.
   *
   * @throws {DatabaseError} with the path in its message, when one cannot be used.
   */
  static async open(config: GeoipConfig, log: Logger): Promise<Places> {
    const sources: Source[] = [];
    for (const { path, provider } of consulted(config)) {
      const identity = await named(path, () => identify(path));
      const database = await named(path, () => openDatabase(path, provider, identity));
      sources.push({ path, provider, database, stamp: identity.stamp });
    }
    return new Places(sources, log);
  }

  /** The open databases in the order they are asked. */
  get databases(): readonly GeoDatabase[] {
    return this.#sources.map(({ database }) => database);
  }

  /** Where `address` is. A later database only adds what the ones before do not know. */
  lookup(address: string): Place {
    let place = this.#remembered.get(address);
    if (place === undefined) {
      place = address === "" ? NOWHERE : this.#ask(address);
      this.#remembered.set(address, place);
    }
    return place;
  }

  /** Takes up files that were replaced. A bad one is logged once a worker, and the open database stays. */
  refresh(): Promise<void> {
    return this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = undefined);
  }

  /** Settles when no refresh is under way. */
  async refreshed(): Promise<void> {
    await this.#refreshing;
  }

  #ask(address: string): Place {
    let { country, asn } = NOWHERE;
    for (const { database } of this.#sources) {
      const found = database.lookup(address);
      if (country === "") country = found.country;
      if (asn === null) asn = found.asn;
      if (country !== "" && asn !== null) break;
    }
    return country === "" && asn === null ? NOWHERE : { country, asn };
  }

  async #refresh(): Promise<void> {
    for (const source of this.#sources) {
      const { path, provider } = source;
      let identity: FileIdentity | undefined;
      try {
        identity = await named(path, () => identify(path));
        if (identity.stamp === source.stamp) continue;
        const stamped = identity;
        source.database = await named(path, () => openDatabase(path, provider, stamped));
        this.#remembered.clear();
        this.#log.log("info", "fluxheim", `geoip: database ${path} was replaced and is in use`);
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        if (identity === undefined && source.stamp === "") continue;
        this.#log.log("error", "fluxheim", `geoip: ${error.message}; the one in use stays`);
      }
      source.stamp = identity?.stamp ?? "";
    }
  }
}

/** Puts the path before the message of a {@linkcode DatabaseError}. */
async function named<T>(path: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new DatabaseError(`${path} ${error.message}`, { cause: error });
  }
}
