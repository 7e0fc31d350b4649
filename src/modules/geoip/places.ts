/**
 * Where clients are: the configured databases in their order, with a bounded memory of their answers.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import { contentOf } from "../../gateway/exchange/file_content.ts";
import type { Files } from "../../gateway/module.ts";
import { GeoDatabase, NOWHERE, type Place } from "./database.ts";
import type { GeoipConfig } from "./schema.ts";
import { consulted } from "./table.ts";

/** Most addresses remembered by one worker: a look-up in a city database takes microseconds. */
const MAX_REMEMBERED = 8192;

/** The open databases of one configuration. */
export class Places {
  /** In the order they are asked. */
  readonly databases: readonly GeoDatabase[];
  readonly #remembered = new LRUCache<string, Place>({ max: MAX_REMEMBERED });

  /** Opens the databases that `config` asks; `files` has them, proved. */
  constructor(config: GeoipConfig, files: Files) {
    this.databases = consulted(config).map(({ path, provider }) =>
      new GeoDatabase(contentOf(files, path), provider)
    );
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

  #ask(address: string): Place {
    let { country, asn } = NOWHERE;
    for (const database of this.databases) {
      const found = database.lookup(address);
      if (country === "") country = found.country;
      if (asn === null) asn = found.asn;
      if (country !== "" && asn !== null) break;
    }
    return country === "" && asn === null ? NOWHERE : { country, asn };
  }
}
