/** One of the workers that hammer a shared bucket table in `table_hammer_test.ts`. */
import { parseIp } from "../../net/ip.ts";
import { BucketTable, bucketTable } from "../../modules/rate_limit/bucket_table.ts";

/** The order for each worker. */
export interface Order {
  readonly table: SharedArrayBuffer;
  /** Word 0 counts workers that are ready, word 1 starts them all, word 2 counts requests. */
  readonly gate: SharedArrayBuffer;
  readonly maxEntries: number;
  /** Requests of all workers together. */
  readonly requests: number;
  /** Addresses `10.0.x.y`, used in turn. */
  readonly addresses: number;
  /** Nanoseconds from one request to the next, whichever worker makes it. */
  readonly stepNs: number;
  readonly cost: number;
  readonly limit: number;
}

/** Its report: requests allowed, and those that found no room in the table. */
export interface Tally {
  readonly allowed: number;
  readonly overflowed: number;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(tally: Tally): void;
};

scope.onmessage = ({ data }) => {
  const buckets = new BucketTable(bucketTable.open(data.table, { index: 0, count: 1 }));
  const gate = new Int32Array(data.gate);
  const words = new Uint32Array(4);
  Atomics.add(gate, 0, 1);
  Atomics.notify(gate, 0);
  Atomics.wait(gate, 1, 0);
  let allowed = 0;
  let overflowed = 0;
  for (let i = Atomics.add(gate, 2, 1); i < data.requests; i = Atomics.add(gate, 2, 1)) {
    const n = i % data.addresses;
    const family = parseIp(`10.0.${n >> 8}.${n & 255}`, words);
    const now = 10e9 + i * data.stepNs;
    const slot = buckets.findOrAdd(family, words, now);
    if (slot < 0) overflowed++;
    else if (buckets.take(slot, now, data.cost, data.limit) > 0) allowed++;
  }
  scope.postMessage({ allowed, overflowed });
};
