/** The log of one UDP route: a flood of one kind makes one line a second. @module */
import type { Logger } from "../../gateway/reports/log.ts";
import type { Clock } from "../../net/clock.ts";

const TARGET = "fluxheim::udp";
/** What happens again and again is logged once in so long, with its number. */
const EVERY_MS = 1_000;

interface Repeated {
  next: number;
  unlogged: number;
}

/** The log of one route. */
export class UdpLog {
  readonly #route: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  /** By kind, of which there are few. */
  readonly #repeated = new Map<string, Repeated>();

  constructor(route: string, log: Logger, clock: Clock) {
    this.#route = route;
    this.#log = log;
    this.#clock = clock;
  }

  /** Something that an operator should know, and that clients can cause as often as they like. */
  repeated(kind: string, detail: string): void {
    let one = this.#repeated.get(kind);
    if (one === undefined) {
      one = { next: 0, unlogged: 0 };
      this.#repeated.set(kind, one);
    }
    const { now } = this.#clock;
    if (now < one.next) {
      one.unlogged++;
      return;
    }
    const others = one.unlogged === 0 ? "" : ` (and ${one.unlogged} more before it)`;
    this.#log.log("warn", TARGET, `${this.#route}: ${kind}: ${detail}${others}`);
    one.next = now + EVERY_MS;
    one.unlogged = 0;
  }

  /** A change that is rare. */
  changed(detail: string): void {
    this.#log.log("warn", TARGET, `${this.#route}: ${detail}`);
  }

  /** For those who look closely. */
  debug(detail: () => string): void {
    if (this.#log.enabled("debug")) this.#log.log("debug", TARGET, `${this.#route}: ${detail()}`);
  }
}
