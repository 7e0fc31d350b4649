/**
 * Connections that were closed before they could ask for anything, reported to the operator: what happens to
 * them is in no access log.
 *
 * @module
 */
import type { Logger, LogLevel } from "../../gateway/reports/log.ts";
import type { Clock } from "../../net/clock.ts";
import type { FailedHandshake, Rejection } from "../../net/listen/listener_spec.ts";

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
  tls_handshake: ["info", "the TLS handshake failed"],
  tls_timeout: ["info", "the TLS handshake took too long"],
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

  /** Takes note of a connection that was closed; the last one of several is described. */
  add(reason: Rejection, handshake?: FailedHandshake): void {
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
    const about = handshake === undefined ? "" : `: ${described(handshake)}`;
    this.#log.log(level, "fluxheim::security", `${this.#key}: ${what}: ${why}${about}`);
  }
}

/** Most characters of a library's text that are logged. */
const MAX_WHY = 200;

function described({ peerAddress, serverName, why }: FailedHandshake): string {
  const asked = serverName === "" ? "" : ` asked for ${JSON.stringify(serverName)}`;
  // deno-lint-ignore no-control-regex -- control characters are what must not get into a line
  const said = why.slice(0, MAX_WHY).replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim();
  return peerAddress + asked + (said === "" ? "" : `: ${said}`);
}
