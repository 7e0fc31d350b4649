/**
 * The access rules of one scope, compiled: which clients may ask, by address, client certificate and place.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { IpFamily } from "../../net/ip.ts";
import { parseIp } from "../../net/ip.ts";
import { IpSet } from "../../net/ip_set.ts";
import { Fingerprints } from "./fingerprints.ts";
import { OriginRules } from "./origin_rules.ts";
import type { AccessConfig } from "./schema.ts";

/** The client's address; a decision never waits, so one is enough. */
const words = new Uint32Array(4);

/**
 * Decides in the order of spec 02 section 11.1: the first rule that denies wins, and every list of what
 * is allowed must match.
 */
export class AccessRules {
  readonly #allow: IpSet;
  readonly #deny: IpSet;
  readonly #byAddress: boolean;
  readonly #requireCertificate: boolean;
  readonly #allowCertificates: Fingerprints;
  readonly #denyCertificates: Fingerprints;
  readonly #byCertificate: boolean;
  readonly #allowCountries: ReadonlySet<string>;
  readonly #denyCountries: ReadonlySet<string>;
  readonly #allowAsns: ReadonlySet<number>;
  readonly #denyAsns: ReadonlySet<number>;
  readonly #byPlace: boolean;
  readonly #origin: OriginRules | undefined;

  constructor(config: AccessConfig) {
    this.#allow = IpSet.of(config.allow);
    this.#deny = IpSet.of(config.deny);
    this.#byAddress = !this.#allow.empty || !this.#deny.empty;
    this.#requireCertificate = config.require_client_cert;
    this.#allowCertificates = new Fingerprints(config.allow_client_cert_sha256);
    this.#denyCertificates = new Fingerprints(config.deny_client_cert_sha256);
    this.#byCertificate = config.require_client_cert || !this.#allowCertificates.empty ||
      !this.#denyCertificates.empty;
    this.#allowCountries = new Set(config.allow_countries);
    this.#denyCountries = new Set(config.deny_countries);
    this.#allowAsns = new Set(config.allow_asns);
    this.#denyAsns = new Set(config.deny_asns);
    this.#byPlace = this.#allowCountries.size + this.#denyCountries.size + this.#allowAsns.size +
        this.#denyAsns.size > 0;
    this.#origin = OriginRules.of(config);
  }

  /** Whether there is any rule; without one everybody passes. */
  get any(): boolean {
    return this.#byAddress || this.#byCertificate || this.#byPlace || this.#origin !== undefined;
  }

  /** Why `exchange` is denied, in a few words, or `undefined` when it passes. */
  denial(exchange: Exchange): string | undefined {
    return (this.#byAddress ? this.#denialByAddress(exchange.clientAddress) : undefined) ??
      (this.#byCertificate ? this.#denialByCertificate(exchange) : undefined) ??
      (this.#byPlace
        ? this.#denialByPlace(exchange.findings.country, exchange.findings.asn)
        : undefined) ??
      this.#origin?.denial(exchange);
  }

  #denialByAddress(address: string): string | undefined {
    const family: IpFamily = parseIp(address, words);
    if (family === 0) return "client address unknown";
    if (this.#deny.hasWords(family, words)) return "address in deny";
    if (!this.#allow.empty && !this.#allow.hasWords(family, words)) return "address not in allow";
    return undefined;
  }

  #denialByCertificate(exchange: Exchange): string | undefined {
    const certificate = exchange.connection.tls?.client;
    if (certificate === undefined) {
      if (this.#requireCertificate) return "no client certificate";
      return this.#allowCertificates.empty
        ? undefined
        : "no client certificate for allow_client_cert_sha256";
    }
    if (this.#denyCertificates.has(certificate.sha256)) {
      return "certificate in deny_client_cert_sha256";
    }
    if (!this.#allowCertificates.empty && !this.#allowCertificates.has(certificate.sha256)) {
      return "certificate not in allow_client_cert_sha256";
    }
    return undefined;
  }

  /** A missing fact fails a list of what is allowed and passes one of what is denied (spec 02 section 13). */
  #denialByPlace(country: string, asn: number | null): string | undefined {
    if (this.#denyCountries.has(country)) return "country in deny_countries";
    if (this.#allowCountries.size > 0 && !this.#allowCountries.has(country)) {
      return country === "" ? "country unknown" : "country not in allow_countries";
    }
    if (asn !== null && this.#denyAsns.has(asn)) return "AS number in deny_asns";
    if (this.#allowAsns.size > 0 && (asn === null || !this.#allowAsns.has(asn))) {
      return asn === null ? "AS number unknown" : "AS number not in allow_asns";
    }
    return undefined;
  }
}
