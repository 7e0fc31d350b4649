/**
 * The contract of active health checks (spec 03 section 12). A protocol is a file of its own and an entry of
 * {@linkcode ./protocols.ts}; a probe asks one member once.
 *
 * @module
 */
import type { Clock } from "../../../net/clock.ts";
import type { UpstreamTarget } from "../../../net/dial/dial.ts";
import type { HealthCheckConfig } from "../schema.ts";

/** How a probe ended. */
export type ProbeResult =
  /** It is well; `weight` is the percentage of its weight that it asks for. */
  | { readonly kind: "pass"; readonly weight?: number }
  /** It is not, as the rest of a sentence; never with header values or arguments. */
  | { readonly kind: "fail"; readonly reason: string }
  /** This machine is at fault, or the probe was cut short: nothing is known. */
  | { readonly kind: "void"; readonly reason: string };

/** Asks members of one pool. */
export interface Probe {
  /** Never rejects for anything that a member does. */
  check(address: string): Promise<ProbeResult>;
  /** These are the members: whatever is kept of others is given up. */
  retain?(addresses: readonly string[]): void;
  close?(): void;
}

/** What a probe is made of. */
export interface ProbeContext {
  readonly config: HealthCheckConfig;
  readonly clock: Clock;
  /** The member at `address` as requests reach it, with the limits of probes. */
  target(address: string): UpstreamTarget;
  /** `Host`, and the name that TLS asks for where the pool has none of its own. */
  readonly host: string;
  readonly connectMs: number;
  readonly readMs: number;
}

/** A protocol of probes. */
export interface ProbeProtocol {
  readonly name: HealthCheckConfig["protocol"];
  open(context: ProbeContext): Probe;
}

/** For probes without a word about the weight. */
export const PASS: ProbeResult = { kind: "pass" };

/** For members that are not well. */
export function fail(reason: string): ProbeResult {
  return { kind: "fail", reason };
}
