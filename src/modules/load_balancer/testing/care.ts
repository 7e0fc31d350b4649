/** The balancer without a process around it: pools of a configuration, with their shared memory. @module */
import { loadText } from "../../../config/load.ts";
import type { Config, Problem } from "../../../config/types.ts";
import { scopesOf } from "../../../gateway/edge_policy.ts";
import type { LogLevel, LogTarget } from "../../../gateway/reports/log.ts";
import { needsOf } from "../../../gateway/testing/modules.ts";
import { CountingMetrics } from "../../../gateway/testing/metrics_fixture.ts";
import type { RunningService } from "../../../gateway/threads/service.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { Clock } from "../../../net/clock.ts";
import { ZoneRegistry } from "../../../zones/registry.ts";
import { Zones } from "../../../zones/zones.ts";
import { module as proxy } from "../../proxy/module.ts";
import { balancer } from "../balancer.ts";
import { module as loadBalancer } from "../module.ts";
import { poolMemory, type SharedPool } from "../memory/pool_memory.ts";
import { sessionMemory, type Sessions } from "../memory/session_memory.ts";
import { poolZone, sessionZone } from "../table.ts";

const MODULES = [proxy, loadBalancer];
const THREADS = 4;

/** What is wrong with `text`, by key; warnings end in an exclamation mark. */
export function problemsOf(text: string): string[] {
  return problemsIn(text).map(({ key, warning }) => key + (warning === true ? "!" : ""));
}

/** The same with messages. */
export function problemsIn(text: string): readonly Problem[] {
  const tables = MODULES.flatMap(({ schema }) => schema);
  const checks = MODULES.flatMap(({ check }) => check ?? []);
  return loadText(text, tables, checks).problems;
}

/** The configuration that `text` is. */
export function configIn(text: string): Config {
  const tables = MODULES.flatMap(({ schema }) => schema);
  const checks = MODULES.flatMap(({ check }) => check ?? []);
  const { config, problems } = loadText(text, tables, checks);
  if (config === undefined) {
    throw new Error(problems.map(({ key, message }) => `${key} ${message}`).join("\n"));
  }
  return config;
}

/** A balancer that cares for the pools of a configuration. */
export class TestBalancer implements AsyncDisposable {
  readonly log: string[] = [];
  readonly metrics = new CountingMetrics();
  readonly clock = new Clock();
  #registry: ZoneRegistry;
  #zones: Zones;
  #running: RunningService | undefined;

  private constructor(public config: Config) {
    this.#registry = new ZoneRegistry(THREADS, zonesOf(config));
    this.#zones = this.#zonesOf(this.#registry);
    this.clock.start();
  }

  static async start(text: string): Promise<TestBalancer> {
    const test = new TestBalancer(configIn(text));
    try {
      test.#running = await test.#start();
    } catch (error) {
      test.clock.stop();
      throw error;
    }
    return test;
  }

  #start(): Promise<RunningService> {
    return balancer.start({
      config: this.config,
      latest: () => this.config,
      files: new Map(),
      zones: this.#zones,
      clock: this.clock,
      log: {
        enabled: () => true,
        logsAccess: false,
        access() {},
        log: (level: LogLevel, target: LogTarget, message: string) =>
          void this.log.push(`${level} ${target}: ${message}`),
      },
      metrics: this.metrics,
      metricSpecs: [],
      processStartMs: 0,
      reads: () => new Map(),
      sockets: undefined,
      extensions: () => [],
      state: { phase: "ready", reason: "" },
      keeper: { call: () => Promise.reject(new Error("not asked")) },
      service: () => ({ call: () => Promise.reject(new Error("not asked")) }),
      edges: { call: () => Promise.resolve({ answers: [], unanswered: 0 }) },
    });
  }

  /** As a reload does it. */
  async reload(text: string): Promise<void> {
    this.config = configIn(text);
    this.#registry = this.#registry.next(zonesOf(this.config));
    this.#zones.adopt(this.#registry.sentTo("balancer", 0));
    this.#zones.commit();
    this.#registry.apply();
    await this.#running?.reload(this.config, new Map());
  }

  get shared(): SharedPool {
    return this.#zones.open(poolMemory, poolZone(scopesOf(this.config).next().value!));
  }

  get sessions(): Sessions {
    return this.#zones.open(sessionMemory, sessionZone(scopesOf(this.config).next().value!));
  }

  /** The addresses of the members, sorted as text. */
  get members(): string[] {
    return this.shared.members().map(({ address }) => address).sort();
  }

  flags(address: string): number {
    return this.shared.flags(this.shared.slotOf(address));
  }

  /** An operation: the status, and the body of the answer. */
  async call(name: string, input: Plain = {}): Promise<[number, Record<string, Plain>]> {
    const reply = await this.#running!.call!(name, input) as unknown as {
      status: number;
      body: Record<string, Plain>;
    };
    return [reply.status, reply.body];
  }

  /** What the status says of the first pool. */
  // deno-lint-ignore no-explicit-any -- tests name the fields they look at
  async status(): Promise<any> {
    const [, body] = await this.call("status");
    // deno-lint-ignore no-explicit-any -- as above
    return (body.load_balancer as any).vhosts[0]?.pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.stop();
    this.clock.stop();
  }

  #zonesOf(registry: ZoneRegistry): Zones {
    return new Zones(registry.sentTo("balancer", 0), { index: 0, count: THREADS });
  }
}

function zonesOf(config: Config) {
  return MODULES.flatMap((module) => needsOf(module, config, THREADS).zones ?? []);
}
