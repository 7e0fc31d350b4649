/**
 * Writes small MMDB files, so that tests need no database from elsewhere.
 *
 * Source: MaxMind DB File Format Specification v2.0.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { parseNetwork } from "../../../net/ip.ts";

/** What a record may hold. */
export type MmdbValue = string | number | boolean | { readonly [key: string]: MmdbValue };

/** What to write. */
export interface MmdbContent {
  readonly type: string;
  /** Networks and their records; later ones cut into earlier ones. */
  readonly networks: Readonly<Record<string, MmdbValue>>;
  /** Bits of a record of the search tree. */
  readonly recordSize?: 24 | 28 | 32;
  /** 4 makes a database that knows no IPv6. */
  readonly ipVersion?: 4 | 6;
}

/** A node's two sides: another node, a record, or nothing. */
type Side = Node | { readonly data: number } | undefined;
interface Node {
  readonly sides: [Side, Side];
}

const SEPARATOR_BYTES = 16;

/** An MMDB file with this content. */
export function mmdbFile(content: MmdbContent): Buffer<ArrayBuffer> {
  const { type, networks, recordSize = 24, ipVersion = 6 } = content;
  const root: Node = { sides: [undefined, undefined] };
  const data: number[] = [];
  for (const [network, value] of Object.entries(networks)) {
    insert(root, bitsOf(network, ipVersion), { data: data.length });
    data.push(...encode(value));
  }
  const nodes = numbered(root);
  const tree = nodes.flatMap((node) => {
    const records = node.sides.map((side) => {
      if (side === undefined) return nodes.length;
      return "data" in side ? nodes.length + SEPARATOR_BYTES + side.data : nodes.indexOf(side);
    });
    return nodeBytes(records[0], records[1], recordSize);
  });
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: type,
    ip_version: ipVersion,
    node_count: nodes.length,
    record_size: recordSize,
  });
  return Buffer.concat([
    Buffer.from(tree),
    Buffer.alloc(SEPARATOR_BYTES),
    Buffer.from(data),
    Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"),
    Buffer.from(metadata),
  ]);
}

/** The bits of a network's prefix in a tree of that version; IPv4 is below `::/96`. */
function bitsOf(text: string, ipVersion: 4 | 6): number[] {
  const network = parseNetwork(text);
  if (network === undefined) throw new TypeError(`not a network: ${text}`);
  const bits: number[] = [];
  for (let i = 0; i < network.prefix; i++) bits.push((network.words[i >> 5] >>> (31 - i % 32)) & 1);
  if (network.family === 6 || ipVersion === 4) return bits;
  return [...new Array<number>(96).fill(0), ...bits];
}

function insert(root: Node, bits: readonly number[], leaf: { readonly data: number }): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const side = node.sides[bit];
    if (side !== undefined && "sides" in side) {
      node = side;
    } else {
      // A network inside of another one: the rest of the outer one keeps its record.
      const inner: Node = { sides: [side, side] };
      node.sides[bit] = inner;
      node = inner;
    }
  }
  node.sides[bits[bits.length - 1]] = leaf;
}

function numbered(root: Node): Node[] {
  const nodes = [root];
  for (const node of nodes) {
    for (const side of node.sides) if (side !== undefined && "sides" in side) nodes.push(side);
  }
  return nodes;
}

function nodeBytes(left: number, right: number, recordSize: 24 | 28 | 32): number[] {
  const low = (value: number) => [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  switch (recordSize) {
    case 24:
      return [...low(left), ...low(right)];
    case 28:
      return [...low(left), ((left >> 24) << 4) | (right >> 24), ...low(right)];
    case 32:
      return [left >>> 24, ...low(left), right >>> 24, ...low(right)];
  }
}

/** A value of the data section; sizes up to 284 are enough here. */
function encode(value: MmdbValue): number[] {
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return [...control(2, bytes.length), ...bytes];
  }
  if (typeof value === "number") return [...control(6, 4), ...bigEndian(value)];
  if (typeof value === "boolean") return [Number(value), 14 - 7];
  const entries = Object.entries(value);
  return [
    ...control(7, entries.length),
    ...entries.flatMap(([key, inner]) => [...encode(key), ...encode(inner)]),
  ];
}

function control(type: number, size: number): number[] {
  return size < 29 ? [(type << 5) | size] : [(type << 5) | 29, size - 29];
}

function bigEndian(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
