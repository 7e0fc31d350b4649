/** Which clients a route serves (spec 01 section 4.2). @module */
import { IpSet } from "../../net/ip_set.ts";

/** The lists of one route. */
export class Sources {
  readonly #allowed: IpSet;
  readonly #denied: IpSet;

  constructor(allow: readonly string[], deny: readonly string[]) {
    this.#allowed = IpSet.of(allow);
    this.#denied = IpSet.of(deny);
  }

  /** Whether a client is served; `""` for one whose address is not known. */
  serves(address: string): boolean {
    if (this.#denied.has(address)) return false;
    return this.#allowed.empty || this.#allowed.has(address);
  }
}
