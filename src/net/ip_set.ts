/**
 * Sets of IP addresses and networks, as access lists and trusted-proxy lists use them: compiled once
 * into sorted ranges, asked for every connection or request.
 *
 * @module
 */
import { hostMask, type IpFamily, type IpNetwork, parseIp, parseNetwork } from "./ip.ts";

/** The words of the address being looked up; a look-up never waits, so one is enough. */
const sought = new Uint32Array(4);

/**
 * An immutable set of addresses. A look-up is a binary search over ranges in typed arrays and
 * allocates nothing.
 */
export class IpSet {
  /** Start and end of each IPv4 range, in turn, ascending and disjoint. */
  readonly #v4: Uint32Array;
  /** The same for IPv6: four words a start, four an end. */
  readonly #v6: Uint32Array;

  /** @param networks What the set holds; order and overlap do not matter. */
  constructor(networks: Iterable<IpNetwork>) {
    const v4: Range[] = [];
    const v6: Range[] = [];
    for (const network of networks) (network.family === 4 ? v4 : v6).push(rangeOf(network));
    this.#v4 = flatten(merge(v4, 1), 1);
    this.#v6 = flatten(merge(v6, 4), 4);
  }

  /**
   * The set of `entries`, each an address or `address/prefix`.
   *
   * @throws {TypeError} for an entry that is neither; a checked configuration has none.
   */
  static of(entries: readonly string[]): IpSet {
    return new IpSet(entries.map((entry) => {
      const network = parseNetwork(entry);
      if (network === undefined) throw new TypeError(`not an IP address or network: ${entry}`);
      return network;
    }));
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** Whether `address` is in it; text that is no address is in no set. */
  has(address: string): boolean {
    const family = parseIp(address, sought);
    return family !== 0 && this.hasWords(family, sought);
  }

  /** {@linkcode IpSet.has} for an address already read by {@linkcode parseIp}. */
  hasWords(family: Exclude<IpFamily, 0>, words: Uint32Array): boolean {
    return family === 4 ? holds(this.#v4, words, 1) : holds(this.#v6, words, 4);
  }
}

interface Range {
  readonly first: Uint32Array;
  readonly last: Uint32Array;
}

function rangeOf(network: IpNetwork): Range {
  const first = new Uint32Array(4);
  const last = new Uint32Array(4);
  for (let i = 0; i < (network.family === 4 ? 1 : 4); i++) {
    const mask = hostMask(network.prefix, i);
    first[i] = network.words[i] & ~mask;
    last[i] = network.words[i] | mask;
  }
  return { first, last };
}

/** Compares `width` words of `a` at `at` with those of `b`: negative, zero or positive. */
function compare(a: Uint32Array, at: number, b: Uint32Array, width: number): number {
  for (let i = 0; i < width; i++) {
    const difference = a[at + i] - b[i];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Sorts and joins ranges that overlap, so that at most one can hold an address. */
function merge(ranges: Range[], width: number): Range[] {
  ranges.sort((a, b) => compare(a.first, 0, b.first, width));
  const merged: Range[] = [];
  for (const range of ranges) {
    const previous = merged.at(-1);
    if (previous === undefined || compare(range.first, 0, previous.last, width) > 0) {
      merged.push(range);
    } else if (compare(range.last, 0, previous.last, width) > 0) {
      merged[merged.length - 1] = { first: previous.first, last: range.last };
    }
  }
  return merged;
}

function flatten(ranges: Range[], width: number): Uint32Array {
  const flat = new Uint32Array(ranges.length * width * 2);
  ranges.forEach(({ first, last }, i) => {
    flat.set(first.subarray(0, width), i * width * 2);
    flat.set(last.subarray(0, width), i * width * 2 + width);
  });
  return flat;
}

/** Whether one of the ranges holds the address: the last that starts at or before it decides. */
function holds(ranges: Uint32Array, words: Uint32Array, width: number): boolean {
  const stride = width * 2;
  let low = 0;
  let high = ranges.length / stride;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(ranges, middle * stride, words, width) <= 0) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return false;
  return compare(ranges, (low - 1) * stride + width, words, width) >= 0;
}
