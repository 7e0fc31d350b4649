/** What the log has of stream connections (spec 01 section 4.4). @module */
import type { Logger } from "../../gateway/reports/log.ts";
import type { Clock } from "../../net/clock.ts";
import type { Client } from "./client.ts";
import type { Ending } from "./connection.ts";
import type { Outcome, StreamRoute } from "./route.ts";

/** Connections of a route that end alike are warned of once in so long, with their number. */
const EVERY_MS = 1_000;

const TARGET = "fluxheim::stream";

/** Outcomes that say something about the gateway's peers that an operator should know. */
const WARNED: ReadonlySet<Outcome> = new Set(["rejected", "connect_error", "timeout", "error"]);

/** Warnings of one kind since the last line of it. */
interface Warnings {
  /** {@linkcode Clock.now} from which another line is written. */
  next: number;
  unlogged: number;
}

/** The log of one worker and one snapshot. */
export class StreamLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #logsAccess: boolean;
  /** By route, or by listener where no route was chosen; then by what happened, of which there is a fixed number. */
  readonly #warnings = new Map<StreamRoute | string, Map<string, Warnings>>();

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
      this.#warn(route, outcome, `${route.name}: ${outcome} of ${client}${upstream}: ${reason}`);
    }
  }

  /** An upstream could not be connected to. */
  unreachable(route: StreamRoute, upstream: string, reason: string, message: string): void {
    this.#warn(route, `to ${upstream}`, `${route.name}: ${upstream}: ${reason} (${message})`);
  }

  #refused(of: StreamRoute | string, name: string, reason: string): void {
    this.#warn(of, "refused", `${name}: a connection is refused: ${reason}`);
  }

  /** A flood of connections, or of failures, makes one line a second of each kind. */
  #warn(of: StreamRoute | string, kind: string, text: string): void {
    let kinds = this.#warnings.get(of);
    if (kinds === undefined) this.#warnings.set(of, kinds = new Map());
    let warnings = kinds.get(kind);
    if (warnings === undefined) kinds.set(kind, warnings = { next: 0, unlogged: 0 });
    const { now } = this.#clock;
    if (now < warnings.next) {
      warnings.unlogged++;
      return;
    }
    const others = warnings.unlogged === 0 ? "" : ` (and ${warnings.unlogged} more before it)`;
    this.#log.log("warn", TARGET, text + others);
    warnings.next = now + EVERY_MS;
    warnings.unlogged = 0;
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
