/**
 * Whether an MMDB file is whole: its search tree lies inside it and points nowhere but to its own nodes
 * and data. A reader follows these pointers blindly, for every request.
 *
 * Source: MaxMind DB File Format Specification v2.0.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** What the metadata says about the search tree. */
export interface TreeFacts {
  readonly nodeCount: number;
  /** Bits of a record: 24, 28 or 32. */
  readonly recordSize: number;
  readonly ipVersion: number;
  readonly binaryFormatMajorVersion: number;
}

/** Zero bytes between the search tree and the data. */
const SEPARATOR_BYTES = 16;
/** Begins the metadata, which ends the file. */
const METADATA_MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
/** Nodes looked at before others get their turn: some milliseconds. */
const SLICE_NODES = 100_000;

/** Where the metadata begins in `file`, or -1 when it is no MMDB file. */
export function metadataStart(file: Buffer): number {
  return file.lastIndexOf(METADATA_MARKER);
}

/** What is wrong with `file`, as the rest of a sentence; `undefined` when it is whole. */
export async function mmdbFault(file: Buffer, tree: TreeFacts): Promise<string | undefined> {
  const { nodeCount, recordSize, ipVersion, binaryFormatMajorVersion } = tree;
  if (binaryFormatMajorVersion !== 2) return "is not in version 2 of the format";
  if (ipVersion !== 4 && ipVersion !== 6) return "is neither for IPv4 nor for IPv6";
  if (!Number.isSafeInteger(nodeCount) || nodeCount < 0) return "has no count of nodes";
  const nodeBytes = recordSize / 4;
  const dataStart = nodeCount * nodeBytes + SEPARATOR_BYTES;
  const dataEnd = metadataStart(file);
  if (dataStart > dataEnd) return "is damaged: its search tree is longer than the file";
  for (let i = dataStart - SEPARATOR_BYTES; i < dataStart; i++) {
    if (file[i] !== 0) return "is damaged: its search tree does not end where it should";
  }
  // Records up to the count name nodes or nothing; from there on, data after the separator.
  const firstData = nodeCount + SEPARATOR_BYTES;
  const endOfData = firstData + dataEnd - dataStart;
  for (let node = 0; node < nodeCount; node++) {
    const at = node * nodeBytes;
    for (let side = 0; side < 2; side++) {
      const record = recordAt(file, at, recordSize, side);
      if (record <= nodeCount || (record >= firstData && record < endOfData)) continue;
      return `is damaged: node ${node} of its search tree points outside of the file`;
    }
    if (node % SLICE_NODES === SLICE_NODES - 1) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  return undefined;
}

/** The left (0) or right (1) record of the node at byte `at`; its bytes are read one by one, for speed. */
function recordAt(file: Buffer, at: number, recordSize: number, side: number): number {
  const from = at + side * (recordSize === 24 ? 3 : 4);
  const high = (file[from] << 16) | (file[from + 1] << 8) | file[from + 2];
  switch (recordSize) {
    case 24:
      return high;
    case 28:
      // The middle byte of the node holds the highest four bits of both records.
      return ((side === 0 ? file[at + 3] >> 4 : file[at + 3] & 15) << 24) | high;
    default:
      return high * 256 + file[from + 3];
  }
}
