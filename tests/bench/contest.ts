/**
 * What a measurement consists of.
 *
 * @module
 */
import type { TempDir } from "../testing/peer.ts";
import type { Server } from "./servers.ts";

/** One figure of one program. */
export type Measure = (server: Server) => Promise<number>;

/** Some programs at the same job, and how the figure is taken. */
export interface Scenario {
  readonly name: string;
  /** For all but `req/s` less is better; `failed` is a number of requests. */
  readonly unit: "req/s" | "ms" | "KiB" | "CPU us/req" | "failed";
  /** The ratios asked for: ours to each peer's. */
  readonly wanted: Readonly<Record<string, number>>;
  start(dir: TempDir, seconds: number): Promise<Contest>;
}

/** A scenario at work. */
export interface Contest {
  /** The first one is ours. */
  readonly servers: readonly Server[];
  /** Stopped with the servers. */
  readonly helpers: readonly Server[];
  readonly measure: Measure;
  /** What the figures do not show, asked for when all rounds are over. */
  readonly remark?: () => Promise<string>;
}

/** A document root with `10k.txt` in it. */
export function webRoot(dir: TempDir): string {
  dir.write("www/10k.txt", new Uint8Array(10 * 1024).fill(120));
  return `${dir.path}/www`;
}
