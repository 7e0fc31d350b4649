/** Lists of members as sources give them: their number, their form, and what they may not contain. @module */
import { canonicalAddress } from "../table.ts";
import { DiscoveryError } from "./source.ts";

/** Fewest and most entries of a list. */
const MIN_ENTRIES = 2;
const MAX_ENTRIES = 64;

/** An entry, and how a message calls its place. */
export interface Entry {
  readonly text: string;
  readonly place: string;
}

/**
 * The members of a list.
 *
 * @throws {DiscoveryError} for a list of another length, and for the first entry that is wrong.
 */
export function membersOf(entries: readonly Entry[]): string[] {
  const addresses: string[] = [];
  for (const { text, place } of entries) {
    const address = canonicalAddress(text);
    if (address === undefined) throw new DiscoveryError(`${place} is not an address and a port`);
    if (addresses.includes(address)) throw new DiscoveryError(`${place} stands in the list twice`);
    addresses.push(address);
    if (addresses.length > MAX_ENTRIES) {
      throw new DiscoveryError(`there are more than ${MAX_ENTRIES} members`);
    }
  }
  if (addresses.length < MIN_ENTRIES) {
    throw new DiscoveryError(
      `there must be ${MIN_ENTRIES} members or more; found ${addresses.length}`,
    );
  }
  return addresses;
}
