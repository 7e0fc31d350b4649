/**
 * Request ids: one name for a request in this program's log, the upstream's and the next hop's (spec 06
 * section D4).
 *
 * @module
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { Step } from "../module.ts";

/** What is read of the configuration. */
export interface RequestIdConfig {
  readonly logging: {
    readonly access: {
      readonly enabled: boolean;
      readonly request_id: boolean;
      /** Lower case. */
      readonly request_id_header: string;
    };
  };
}

/** Longest id taken over from a client. */
const MAX_REQUEST_ID_BYTES = 128;

/** Random bytes of one id, and how many ids one call for randomness serves. */
const ID_BYTES = 16;
const POOLED_IDS = 256;

const pool = new Uint8Array(ID_BYTES * POOLED_IDS);
let used = pool.length;

const HEX_PAIRS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** A new id: `fh-` and 32 hexadecimal digits of cryptographic randomness. */
export function newRequestId(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let id = "fh-";
  for (const end = used + ID_BYTES; used < end; used++) id += HEX_PAIRS[pool[used]];
  return id;
}

/** Whether `text` may be taken over as an id: 1 to 128 of `A-Z a-z 0-9 . _ -`. */
export function isRequestId(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_REQUEST_ID_BYTES) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const plain = (code >= 97 && code <= 122) || (code >= 48 && code <= 57) ||
      (code >= 65 && code <= 90) || code === 45 || code === 46 || code === 95;
    if (!plain) return false;
  }
  return true;
}

/** Gives each exchange its id; `undefined` where ids are off. */
export function requestIdStep({ logging: { access } }: RequestIdConfig): Step | undefined {
  if (!access.enabled || !access.request_id) return undefined;
  const header = access.request_id_header;
  return (exchange: Exchange) => {
    const sent = exchange.request.get(header);
    exchange.requestId = sent !== undefined && isRequestId(sent) ? sent : newRequestId();
  };
}
