/** What the log has of stream connections (spec 01 section 4.4). @module */
import type { Logger } from "../../gateway/log.ts";
import type { Clock } from "../../net/clock.ts";
import type { Client } from "./client.ts";
import type { Ending } from "./connection.ts";
import type { Outcome, StreamRoute } from "./route.ts";

/** Refused connections of a route are logged once in so long, with their number. */
const EVERY_MS = 1_000;

const TARGET = "fluxheim::stream";

/** Outcomes that say something about the gateway's peers that an operator should know. */
const WARNED: ReadonlySet<Outcome> = new Set(["rejected", "connect_error", "timeout", "error"]);

/** Refusals of one route since the last line about them. */
interface Refusals {
  /** {@linkcode Clock.now} from which another line is written. */
  next: number;
  unlogged: number;
}

/** The log of one worker and one snapshot. */
export class StreamLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #logsAccess: boolean;
  /** By route, or by listener where no route was chosen. */
  readonly #refusals = new Map<StreamRoute | string, Refusals>();

  /** @param logsAccess Whether every connection has a line of its own at level `info`. */
  constructor(log: Logger, clock: Clock, logsAccess: boolean) {
    this.#log = log;
    this.#clock = clock;
    this.#logsAccess = logsAccess;
  }

  /** A connection was closed because its route has as many as it may have. */
  full(route: StreamRoute): void {
    this.#refused(route, route.name, "max_connections is reached");
  }

  /** A connection was closed because no route of its listener takes it. */
  unmatched(listener: string, reason: string): void {
    this.#refused(listener, listener, reason);
  }

  /** A connection is over. */
  ended(route: StreamRoute, ending: Ending, ms: number): void {
    const { outcome, reason } = ending;
    const level = this.#logsAccess ? "info" : "debug";
    if (this.#log.enabled(level)) this.#log.log(level, TARGET, lineOf(route, ending, ms));
    if (outcome === "rejected") {
      this.#refused(route, route.name, `${addressOf(ending.client)} is ${reason}`);
    } else if (WARNED.has(outcome)) {
      const upstream = ending.upstream === "" ? "" : ` with ${ending.upstream}`;
      const client = addressOf(ending.client);
      this.#log.log("warn", TARGET, `${route.name}: ${outcome} of ${client}${upstream}: ${reason}`);
    }
  }

  /** A flood of connections makes one line a second. */
  #refused(of: StreamRoute | string, name: string, reason: string): void {
    let refusals = this.#refusals.get(of);
    if (refusals === undefined) {
      refusals = { next: 0, unlogged: 0 };
      this.#refusals.set(of, refusals);
    }
    const { now } = this.#clock;
    if (now < refusals.next) {
      refusals.unlogged++;
      return;
    }
    const others = refusals.unlogged === 0 ? "" : ` (and ${refusals.unlogged} more before it)`;
    this.#log.log("warn", TARGET, `${name}: a connection is refused: ${reason}${others}`);
    refusals.next = now + EVERY_MS;
    refusals.unlogged = 0;
  }
}

function lineOf({ name }: StreamRoute, ending: Ending, ms: number): string {
  const { outcome, client, upstream, sent, received } = ending;
  return `route=${JSON.stringify(name)} client=${addressOf(client)} upstream=${upstream || "-"} ` +
    `outcome=${outcome} sent=${sent} received=${received} ms=${Math.round(ms)}`;
}

function addressOf({ address, port }: Client): string {
  if (address === "") return "unknown";
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
