/**
 * The rounds of one pool's health checks: all members are asked, one after another or at once, and a member's
 * state changes when enough results in a row speak against it (spec 03 section 12.2). Whatever goes wrong in a
 * round ends that round alone.
 *
 * @module
 */
import type { Logger } from "../../../gateway/reports/log.ts";
import type { SharedMember, SharedPool } from "../memory/pool_memory.ts";
import { UNHEALTHY } from "../memory/pool_memory.ts";
import type { HealthCheckConfig } from "../schema.ts";
import { messageOf } from "./dialing.ts";
import type { Probe, ProbeResult } from "./probe.ts";
import type { Stalls } from "./stalls.ts";

/** Probes under way in this process at most. */
const MAX_PROBES = 256;
/** How much of an interval is left to chance, so that many gateways do not ask at the same moment. */
const JITTER = 0.05;

/** What rounds work with. */
export interface RoundsOptions {
  readonly shared: SharedPool;
  readonly config: HealthCheckConfig;
  readonly probe: Probe;
  readonly places: Places;
  readonly stalls: Stalls;
  readonly log: Logger;
  /** As the log names a member. */
  readonly nameOf: (address: string) => string;
}

/** Places for probes under way, of all pools together. */
export class Places {
  #free = MAX_PROBES;
  readonly #waiting: (() => void)[] = [];

  /** Runs `job` when there is a place. */
  async with<T>(job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Health checks of one pool. */
export class Rounds {
  readonly #options: RoundsOptions;
  /** Results in a row against the present state, by life of a member. */
  readonly #against: Map<string, number>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  /** When the last round ended, in milliseconds since 1970; 0 before the first one. */
  lastRoundAt = 0;

  /** @param before Rounds of the same check, whose half-finished rows go on. */
  constructor(options: RoundsOptions, before?: Rounds) {
    this.#options = options;
    this.#against = new Map(before === undefined ? [] : before.#against);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends the round under way as soon as its probes can be ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#options.probe.close?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    const { config, log } = this.#options;
    try {
      await this.round();
    } catch (error) {
      log.log(
        "error",
        "fluxheim::load_balancer",
        `a round of health checks failed: ${messageOf(error)}`,
      );
    }
    if (this.#isStopped) return;
    const interval = config.interval_secs * 1000 * (1 - JITTER * Math.random());
    const pause = Math.max(0, startedAt + interval - performance.now());
    this.#timer = setTimeout(() => this.start(), pause);
  }

  /** Asks every member once. */
  async round(): Promise<void> {
    const { shared, config, probe } = this.#options;
    const members = shared.members();
    probe.retain?.(members.map(({ address }) => address));
    for (const life of this.#against.keys()) {
      if (!members.some((member) => lifeOf(member) === life)) this.#against.delete(life);
    }
    if (config.parallel) await Promise.all(members.map((member) => this.#check(member)));
    else for (const member of members) if (!this.#isStopped) await this.#check(member);
    this.lastRoundAt = Date.now();
  }

  async #check(member: SharedMember): Promise<void> {
    const { probe, places, stalls, shared } = this.#options;
    const result = await places.with(async (): Promise<ProbeResult> => {
      const startedAt = performance.now();
      try {
        const found = await probe.check(member.address);
        if (found.kind !== "fail") return found;
        // Whether the thread stood still is known after the timers that were late.
        await new Promise((resolve) => setTimeout(resolve));
        return stalls.since(startedAt)
          ? { kind: "void", reason: "this thread stood still" }
          : found;
      } catch (error) {
        return { kind: "void", reason: messageOf(error) };
      }
    });
    // It may have left meanwhile, or its place may be another member's.
    if (this.#isStopped || shared.slotOf(member.address) !== member.slot) return;
    this.#take(member, result);
  }

  #take(member: SharedMember, result: ProbeResult): void {
    if (result.kind === "void") return;
    const { shared, config } = this.#options;
    const isHealthy = (shared.flags(member.slot) & UNHEALTHY) === 0;
    const life = lifeOf(member);
    if (result.kind === "pass") shared.setHealthPercent(member.slot, result.weight ?? 0);
    if ((result.kind === "pass") === isHealthy) {
      this.#against.delete(life);
      return;
    }
    const count = (this.#against.get(life) ?? 0) + 1;
    const needed = isHealthy ? config.consecutive_failure : config.consecutive_success;
    if (count < needed) {
      this.#against.set(life, count);
      return;
    }
    this.#against.delete(life);
    if (shared.setHealthy(member.slot, !isHealthy)) this.#report(member, result);
  }

  #report({ address }: SharedMember, result: ProbeResult): void {
    const { config, log, nameOf } = this.#options;
    const name = `${nameOf(address)} via ${config.protocol}`;
    if (result.kind === "fail") {
      log.log("warn", "fluxheim::load_balancer", `${name} is unhealthy: ${result.reason}`);
    } else {
      log.log("info", "fluxheim::load_balancer", `${name} is healthy`);
    }
  }
}

function lifeOf({ address, incarnation }: SharedMember): string {
  return `${address} ${incarnation}`;
}
