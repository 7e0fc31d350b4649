/**
 * Whether the servers of a zone have what was put into it: asked one by one and directly, since a resolver between
 * remembers that there was nothing.
 *
 * @module
 */
import { splitAuthority } from "../../../http/authority.ts";
import type { EnabledAcme } from "../table.ts";
import type { TxtRecord } from "./txt_record.ts";

const POLL_MS = 1_000;
/** Time for one answer. */
const ANSWER_MS = 5_000;

/** Waits until each of `check_servers` has all records; without one, and at most, for `propagation_secs`. */
export async function waitForRecords(
  records: readonly TxtRecord[],
  { check_servers: servers, propagation_secs }: EnabledAcme["dns"],
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  if (servers.length === 0) return await sleep(propagation_secs * 1000);
  // A check that fails puts nothing off for ever: the issuer looks for itself.
  for (let waited = 0; waited < propagation_secs * 1000; waited += POLL_MS) {
    const found = await Promise.all(servers.map((server) => hasAll(server, records)));
    if (found.every((has) => has)) return;
    await sleep(POLL_MS);
  }
}

async function hasAll(server: string, records: readonly TxtRecord[]): Promise<boolean> {
  const address = splitAuthority(server);
  if (address?.port === undefined) return true;
  const nameServer = { ipAddr: address.host, port: address.port };
  try {
    for (const { name, value } of records) {
      const signal = AbortSignal.timeout(ANSWER_MS);
      const found = await Deno.resolveDns(name, "TXT", { nameServer, signal });
      if (!found.some((parts) => parts.join("") === value)) return false;
    }
    return true;
  } catch {
    return false;
  }
}
