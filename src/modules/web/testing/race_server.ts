/**
 * Serves files over and over, as an edge worker would: with the right to read its root and no other.
 * Started by `race_test.ts`.
 *
 * @module
 */
import type { Body } from "../../../http/body.ts";
import type { Symlinks } from "../files/links.ts";
import { Memory } from "../files/memory.ts";
import { pageSchema } from "../schema.ts";
import { Site } from "../site.ts";
import { exchangeFor } from "./site.ts";

/** What to do. */
export interface Orders {
  readonly root: string;
  readonly paths: readonly string[];
  /** Must never be in an answer. */
  readonly secret: string;
  readonly requests: number;
  readonly symlinks: Symlinks;
}

/** What came of it: how many answers of each kind. */
export interface Report {
  served: number;
  absent: number;
  refused: number;
  leaked: number;
}

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Orders>) => void) | null;
  postMessage(report: Report): void;
};

scope.onmessage = async ({ data: { root, paths, secret, requests, symlinks } }) => {
  const memory = new Memory();
  memory.use({ max_bytes: 0, max_file_bytes: 1, revalidate_secs: 1 }, 1);
  const log = { logsAccess: false, enabled: () => false, log() {}, access() {} };
  const clock = { now: 0 };
  const web = pageSchema.parse({ root, symlinks, directory_listing: { enabled: true } });
  const site = new Site(web, { clock, memory, log, watch: { changes: 0 } });
  const report: Report = { served: 0, absent: 0, refused: 0, leaked: 0 };
  const buffer = new Uint8Array(64 * 1024);
  for (let i = 0; i < requests; i++) {
    clock.now += 1000;
    const exchange = exchangeFor(paths[i % paths.length]);
    await site.serve(exchange);
    if (exchange.status === 200) {
      report.served++;
      if (textOf(exchange.responseBody, buffer).includes(secret)) report.leaked++;
    } else if (exchange.status === 0) report.absent++;
    else report.refused++;
    exchange.releaseAll();
  }
  scope.postMessage(report);
};

/** The first piece of a body. */
function textOf(body: Uint8Array | Body | undefined, buffer: Uint8Array): string {
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const count = body?.read(buffer);
  return typeof count === "number" ? new TextDecoder().decode(buffer.subarray(0, count)) : "";
}
