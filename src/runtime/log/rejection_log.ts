/**
 * Connections that were closed before they could ask for anything, reported to the operator: what happens to
 * them is in no access log.
 *
 * @module
 */
import type { Logger, LogLevel } from "../../gateway/log.ts";
import type { Clock } from "../../net/clock.ts";
import type { Rejection } from "../../net/listen/listener_spec.ts";

/** Each reason is logged at once, and then as often as this at most, with how many there were. */
const REPEAT_MS = 10_000;

/** Level and words of each reason. What an operator can mend is a warning; what clients do is not. */
const TOLD: Readonly<Record<Rejection, readonly [level: LogLevel, why: string]>> = {
  max_connections: ["warn", "the listener has server.limits.max_connections already"],
  proxy_untrusted: [
    "warn",
    "the peer is not in server.trusted_proxies, so no PROXY header counts",
  ],
  proxy_invalid: ["warn", "there was no valid PROXY header"],
  proxy_timeout: ["warn", "the PROXY header did not come in time"],
  tls_busy: ["warn", "too many TLS handshakes are under way"],
  tls_client_certificate: ["info", "the client's certificate does not verify"],
  tls_handshake: ["debug", "the TLS handshake failed"],
  tls_timeout: ["debug", "the TLS handshake took too long"],
};

/** Reports rejections at one listener. */
export class RejectionLog {
  readonly #key: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #reportedAt = new Map<Rejection, number>();
  readonly #unreported = new Map<Rejection, number>();

  /** @param key The configuration's key of the listener, which each line begins with. */
  constructor(key: string, clock: Clock, log: Logger) {
    this.#key = key;
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes note of a connection that was closed. */
  add(reason: Rejection): void {
    const [level, why] = TOLD[reason];
    const count = (this.#unreported.get(reason) ?? 0) + 1;
    const { now } = this.#clock;
    if (now - (this.#reportedAt.get(reason) ?? -Infinity) < REPEAT_MS) {
      this.#unreported.set(reason, count);
      return;
    }
    this.#reportedAt.set(reason, now);
    this.#unreported.delete(reason);
    if (!this.#log.enabled(level)) return;
    const what = count === 1 ? "a connection was closed" : `${count} connections were closed`;
    this.#log.log(level, "fluxheim::security", `${this.#key}: ${what}: ${why}`);
  }
}
