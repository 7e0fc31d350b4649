/**
 * The peers of `server.trusted_proxies`: addresses, networks, and with the word `unix:` the programs that
 * connect to a unix socket of ours, which have no address.
 *
 * @module
 */
import type { ConnectionFacts } from "./connection_facts.ts";
import { IpSet } from "./ip_set.ts";
import { UNIX, unixPath } from "./unix_address.ts";

/** Peers whose forwarding information and PROXY headers are believed. */
export class TrustedPeers {
  readonly #addresses: IpSet;
  /** Whether `unix:` is listed. */
  readonly unix: boolean;

  private constructor(addresses: IpSet, unix: boolean) {
    this.#addresses = addresses;
    this.unix = unix;
  }

  /**
   * Those of a configuration.
   *
   * @throws {TypeError} for an entry that is neither an address, nor a network, nor `unix:`.
   */
  static of(entries: readonly string[]): TrustedPeers {
    return new TrustedPeers(
      IpSet.of(entries.filter((entry) => entry !== UNIX)),
      entries.includes(UNIX),
    );
  }

  /** Whether no peer is trusted. */
  get empty(): boolean {
    return !this.unix && this.#addresses.empty;
  }

  /** Whether `address` is trusted; `""`, an unknown one, never is. */
  has(address: string): boolean {
    return this.#addresses.has(address);
  }

  /** Whether the peer of a connection is trusted. A TCP peer that has gone has no address either. */
  hasPeer({ peerAddress, listener }: Pick<ConnectionFacts, "peerAddress" | "listener">): boolean {
    if (peerAddress !== "") return this.#addresses.has(peerAddress);
    return this.unix && unixPath(listener) !== undefined;
  }
}
