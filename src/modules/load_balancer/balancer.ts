/**
 * The balancer service: asks members how they are, finds them, saves what operators have changed, and changes it.
 * It listens to nothing; requests never wait for it.
 *
 * @module
 */
import type { Files } from "../../gateway/module.ts";
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import type { ConfigPart, Plain } from "../../gateway/threads/thread.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { EVENTS, POOLS } from "./descriptions.ts";
import { Places } from "./health/rounds.ts";
import { Stalls } from "./health/stalls.ts";
import {
  clearSessions,
  failed,
  type Input,
  memberAdd,
  memberRemove,
  memberState,
  memberUpdate,
  memberWeight,
  type OperationContext,
  type Reply,
} from "./care/operations.ts";
import { type Carers, PoolCare } from "./care/pool_care.ts";
import { metricLabel } from "./selection/policies.ts";
import { auditRecord, missingPool } from "./memory/pool_names.ts";
import { statusOf } from "./care/pools_status.ts";
import { poolsOfPart, poolZone } from "./table.ts";

/** Operations by the names of their calls. */
const OPERATIONS: Readonly<Record<string, (context: OperationContext, input: Input) => Reply>> = {
  "member-state": memberState,
  "member-weight": memberWeight,
  "member-add": memberAdd,
  "member-remove": memberRemove,
  "member-update": memberUpdate,
  "persistence-clear": clearSessions,
};

/** Operations whose effect is saved before they are answered. */
const SAVED_AT_ONCE = ["member-state", "member-weight", "persistence-clear"];

/** Beginnings of the events that operations are counted as. */
const EVENT_NAMES: Readonly<Record<string, string>> = {
  "member-state": "member_state",
  "member-weight": "member_weight",
  "member-add": "member_set",
  "member-remove": "member_set",
  "member-update": "member_set",
  "persistence-clear": "persistence_clear",
};

/** The service. */
export const balancer: Service = {
  module: "load-balancer",
  role: "balancer",
  openMetrics: openSeriesMetrics,
  start: async (context) => {
    const running = new RunningBalancer(context);
    try {
      await running.begin(context.config, context.files);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  },
};

class RunningBalancer implements RunningService {
  readonly #context: ServiceContext;
  readonly #carers: Carers = { places: new Places(), stalls: new Stalls() };
  #pools = new Map<string, PoolCare>();
  #config: ConfigPart = {};
  /** Labels of the gauge of pools that have a series. */
  readonly #counted = new Set<string>();

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** The first members are found before requests are served: without any there is nothing to serve from. */
  async begin(config: ConfigPart, files: Files): Promise<void> {
    await Promise.all(this.#replace(config, files).map((pool) => pool.start()));
    for (const { name, shared, lastError } of this.#pools.values()) {
      if (shared.members().length === 0) throw new Error(`${name} has no members: ${lastError}`);
    }
  }

  reload(config: ConfigPart, files: Files): Promise<void> {
    // One that waits for its source keeps no other one from starting.
    for (const pool of this.#replace(config, files)) {
      pool.start().catch((error) => this.#report(pool, error));
    }
    return Promise.resolve();
  }

  /** Takes on the pools of a configuration, with what is known of those that stay. */
  #replace(config: ConfigPart, files: Files): readonly PoolCare[] {
    this.#config = config;
    const before = this.#pools;
    const pools = new Map<string, PoolCare>();
    for (const table of poolsOfPart(config)) {
      const zone = poolZone(table.scope);
      pools.set(zone, new PoolCare(table, this.#context, files, this.#carers, before.get(zone)));
    }
    for (const pool of before.values()) pool.stop().catch((error) => this.#report(pool, error));
    this.#pools = pools;
    this.#countPools();
    return [...pools.values()];
  }

  call(name: string, input: Plain): Promise<Plain> {
    const given: Input = typeof input === "object" && input !== null && !Array.isArray(input)
      ? input as Input
      : {};
    return Promise.resolve(name === "status" ? this.#status(given) : this.#operate(name, given));
  }

  async stop(): Promise<void> {
    for (const pool of this.#pools.values()) {
      pool.save();
      await pool.stop();
    }
    this.#carers.stalls.stop();
  }

  /** Selections that no pool has any more are none. */
  #countPools(): void {
    const counts = new Map([...this.#counted].map((labels) => [labels, 0]));
    for (const { table: { scope, proxy } } of this.#pools.values()) {
      const where = scope.route === undefined ? "vhost" : "route";
      const labels = `${where} ${metricLabel(proxy.load_balance.selection)}`;
      counts.set(labels, (counts.get(labels) ?? 0) + 1);
      this.#counted.add(labels);
    }
    for (const [labels, count] of counts) {
      const [scope, selection] = labels.split(" ");
      this.#context.metrics.gauge(POOLS.name, { scope, selection }).set(count);
    }
  }

  /** All pools, or with `vhost` those of that one. */
  #status({ vhost }: Input): Plain {
    const pools = [...this.#pools.values()].filter(({ table: { scope } }) =>
      vhost === undefined || scope.vhost.name === vhost
    );
    return { status: 200, body: { status: "ok", load_balancer: statusOf(pools) } };
  }

  #operate(name: string, given: Input): Plain {
    const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
    if (operation === undefined) throw new Error(`the balancer has no call "${name}"`);
    const found = this.#find(given);
    if (!(found instanceof PoolCare)) {
      if (found.status === 404) this.#count(`${EVENT_NAMES[name]}_not_found`, undefined, undefined);
      this.#warn(name, "no pool", found);
      return shown(found);
    }
    const reply = operation(found.operation, given);
    if (reply.event !== "") this.#count(reply.event, found, reply.member);
    if (reply.status === 200 && SAVED_AT_ONCE.includes(name)) found.save();
    this.#audit(name, found, reply);
    return shown(reply);
  }

  #find(input: Input): PoolCare | Reply {
    const vhost = typeof input.vhost === "string" ? input.vhost.trim() : "";
    const route = typeof input.route === "string" ? input.route.trim() : "";
    if (vhost === "") return failed(400, "load balancer vhost is missing", "");
    const pools = [...this.#pools.values()];
    const found = pools.find(({ table: { scope } }) =>
      scope.vhost.name === vhost && (scope.route?.name ?? "") === route
    );
    return found ?? failed(404, missingPool(this.#config, vhost, route), "not_found");
  }

  /** Operations on pools that there are not have no names of the caller's in their labels. */
  #count(event: string, pool: PoolCare | undefined, member: string | undefined): void {
    const { vhost, route } = pool?.table.scope ?? { vhost: { name: "unknown" }, route: undefined };
    this.#context.metrics.counter(EVENTS.name, {
      scope: route === undefined ? "vhost" : "route",
      vhost: vhost.name,
      route: route?.name ?? "",
      upstream: member === undefined || /^[A-Za-z0-9._-]{1,64}$/.test(member)
        ? member ?? ""
        : "other",
      event: event.startsWith("member_") && !/^member_(?:state|weight)/.test(event)
        ? "other"
        : event,
    }).count();
  }

  #audit(name: string, { table: { scope } }: PoolCare, reply: Reply): void {
    const { log } = this.#context;
    const where = `vhost "${scope.vhost.name}"` +
      (scope.route === undefined ? "" : `, route "${scope.route.name}"`);
    if (reply.status !== 200) return this.#warn(name, where, reply);
    const which = reply.member === undefined ? "" : ` of ${reply.member}`;
    log.log("info", "fluxheim::load_balancer", `${name}${which} in ${where}`);
    // Clearing sessions changes no member.
    if (reply.member === undefined) return;
    log.log("info", "fluxheim::audit", auditRecord(name, scope, reply));
  }

  #warn(name: string, where: string, { body: { error } }: Reply): void {
    const text = `${name} in ${where} was refused: ${String(error)}`;
    this.#context.log.log("warn", "fluxheim::load_balancer", text);
  }

  #report({ name }: PoolCare, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#context.log.log("error", "fluxheim::load_balancer", `${name} is not in order: ${text}`);
  }
}

/** What a caller gets of a reply. */
function shown({ status, body, event, member }: Reply): Plain {
  return { status, body, event, member: member ?? null };
}
