/**
 * What a gateway under test has logged.
 *
 * @module
 */
import type { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

/** The fields of access records that tests ask for. */
export interface AccessRecord {
  readonly path: string;
  readonly status: number | null;
  readonly error: boolean;
  readonly upstream: string;
  readonly upstream_retries: number;
  readonly request_body_bytes: number;
  readonly response_body_bytes: number;
}

/** Waits for the access record of the request for `path`. */
export async function accessRecord(gateway: TestGateway, path: string): Promise<AccessRecord> {
  let record: AccessRecord | undefined;
  await until(`${path} is in the access log`, () => {
    record = records(gateway).find((each) => each.path === path);
    return record !== undefined;
  });
  return record!;
}

function records(gateway: TestGateway): AccessRecord[] {
  return gateway.process.output.split("\n")
    .filter((line) => line.startsWith('{"event":"access"'))
    .map((line): AccessRecord => JSON.parse(line));
}
