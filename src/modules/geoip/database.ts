/**
 * One open MMDB database: from an address to the country and the network it is in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Reader, type Response } from "maxmind";
import { metadataStart, mmdbFault } from "./mmdb_check.ts";
import type { GeoProvider } from "./schema.ts";

/** What is known about where an address is. */
export interface Place {
  /** ISO 3166-1 alpha-2 in upper case, or `""`. */
  readonly country: string;
  /** Number of the autonomous system, or `null`. */
  readonly asn: number | null;
}

/** A database that cannot be used; the message is the rest of a sentence that begins with its path. */
export class DatabaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DatabaseError";
  }
}

/** Nowhere known. */
export const NOWHERE: Place = { country: "", asn: null };

const MAX_ASN = 2 ** 32 - 1;

/** Addresses that a new database is asked for, spread over all there are, to see that records decode. */
const PROBES = 512;

/** An open database: a reader of content that all threads of the process share. */
export class GeoDatabase {
  /** As the metadata names it: `GeoLite2-Country`. */
  readonly type: string;
  readonly #reader: Reader<Response>;
  readonly #onlyIpv4: boolean;
  readonly #placeOf: (record: unknown) => Place;
  #unreadable = 0;

  /**
   * Opens a database that was proved to be whole, or is about to be. Its content is not copied.
   *
   * @throws {DatabaseError} when it is not an MMDB file, or its metadata cannot be read.
   */
  constructor(content: Uint8Array, provider: GeoProvider) {
    const reader = readerOf(bufferOf(content));
    this.#reader = reader;
    this.#onlyIpv4 = reader.metadata.ipVersion === 4;
    this.#placeOf = provider === "maxmind" ? maxmindPlace : geoOpenPlace;
    this.type = String(reader.metadata.databaseType);
  }

  /**
   * Opens a database after checking that it is whole.
   *
   * @throws {DatabaseError} when it is not an MMDB file, or a damaged one.
   */
  static async prove(content: Uint8Array, provider: GeoProvider): Promise<GeoDatabase> {
    const database = new GeoDatabase(content, provider);
    const fault = await mmdbFault(bufferOf(content), database.#reader.metadata);
    if (fault !== undefined) throw new DatabaseError(fault);
    for (let i = 0; i < PROBES; i++) database.lookup(probeAddress(i));
    if (database.#unreadable > 0) throw new DatabaseError("is damaged: its records cannot be read");
    return database;
  }

  /** Whether databases of this type contain countries; by their name, as nothing else says so. */
  get tellsCountry(): boolean {
    return /country|city|enterprise|insights/i.test(this.type);
  }

  /** Whether databases of this type contain the numbers of autonomous systems. */
  get tellsAsn(): boolean {
    return /asn|isp/i.test(this.type);
  }

  /** Where `address` is, as far as this database knows. A record that cannot be read counts as absent. */
  lookup(address: string): Place {
    // The reader would take the first 32 bits of an IPv6 address for an IPv4 address.
    if (this.#onlyIpv4 && address.includes(":")) return NOWHERE;
    try {
      const record = this.#reader.get(address);
      return record === null ? NOWHERE : this.#placeOf(record);
    } catch {
      this.#unreadable++;
      return NOWHERE;
    }
  }
}

/** The same bytes, as the reader takes them. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function readerOf(file: Buffer): Reader<Response> {
  if (metadataStart(file) < 0) throw new DatabaseError("is not a MaxMind DB (MMDB) file");
  try {
    return new Reader<Response>(file);
  } catch (cause) {
    throw new DatabaseError("is damaged: its metadata cannot be read", { cause });
  }
}

/** GeoIP2 and GeoLite2: country and city databases, and those of autonomous systems. */
function maxmindPlace(record: unknown): Place {
  return {
    country: countryCode(at(at(record, "country"), "iso_code")) ||
      countryCode(at(at(record, "registered_country"), "iso_code")),
    asn: asnOf(at(record, "autonomous_system_number")),
  };
}

/** CIRCL Geo Open; the combined database keeps the number as text beside the country. */
function geoOpenPlace(record: unknown): Place {
  const country = at(record, "country");
  const number = at(country, "AutonomousSystemNumber");
  const digits = typeof number === "string" && /^[0-9]{1,10}$/.test(number);
  return {
    country: countryCode(at(country, "iso_code")) ||
      countryCode(at(at(record, "registered_country"), "iso_code")),
    asn: asnOf(digits ? Number(number) : number) ?? asnOf(at(record, "autonomous_system_number")),
  };
}

function at(record: unknown, key: string): unknown {
  return typeof record === "object" && record !== null ? Reflect.get(record, key) : undefined;
}

function countryCode(value: unknown): string {
  return typeof value === "string" && /^[A-Za-z]{2}$/.test(value) ? value.toUpperCase() : "";
}

function asnOf(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= MAX_ASN
    ? value
    : null;
}

/** The `i`-th of {@linkcode PROBES} addresses: alternately IPv4 and global IPv6. */
function probeAddress(i: number): string {
  // Multiples of an odd constant near 2^32 / phi spread evenly over 32 bits.
  const bits = Math.imul(i >> 1, 0x9e3779b1) >>> 0;
  if (i % 2 === 0) {
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }
  return `2${(bits >>> 20).toString(16).padStart(3, "0")}:${(bits & 0xffff).toString(16)}::1`;
}
