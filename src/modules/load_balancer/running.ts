/** Pools at work (spec 03). @module */
import type { RouteScope, RunningModule, SnapshotContext, Steps } from "../../gateway/module.ts";
import type { StreamPool } from "../../gateway/stream_pool.ts";
import { SILENT } from "../../gateway/reports/log_none.ts";
import { sharedTime } from "../../zones/shared_time.ts";
import type { BalancedBlock } from "../proxy/edge.ts";
import { Chooser } from "./request/chooser.ts";
import { Connections } from "./request/connections.ts";
import { PoolEvents } from "./care/events.ts";
import type { Member } from "./member.ts";
import { PoolOrigin } from "./request/origin.ts";
import { FailureRules } from "./request/outcome.ts";
import { Persistence, setCookie } from "./request/persistence.ts";
import { Pool } from "./pool.ts";
import { poolMemory, ticksIn, ticksOf } from "./memory/pool_memory.ts";
import { WaitingRoom } from "./request/queue.ts";
import { keyOf } from "./request/request_key.ts";
import { RetryRules } from "./request/retry.ts";
import { secretMemory } from "./care/secrets.ts";
import { policyOf } from "./selection/policies.ts";
import { sessionMemory } from "./memory/session_memory.ts";
import { SlowStart } from "./memory/slow_start.ts";
import { StreamMembers } from "./stream_members.ts";
import {
  CLOCK_ZONE,
  poolIn,
  poolName,
  type PoolTable,
  poolZone,
  SECRETS_ZONE,
  sessionZone,
} from "./table.ts";
import { rulesOf } from "./care/view.ts";

/** Parts beside the proxy's origin: the clock, and the cookies of new sessions. */
export class RunningBalancer implements RunningModule {
  readonly #pools: Pool[] = [];
  readonly #stopTicking: () => void;

  constructor({ zones, clock }: SnapshotContext) {
    const time = zones.open(sharedTime, CLOCK_ZONE);
    this.#stopTicking = clock.every(() => {
      time.now();
      // What a member leaves behind is closed where no request comes to notice, too.
      for (const { parts } of this.#pools) parts.chooser.refresh();
    });
  }

  /** The origin of one block of the proxy's. */
  originOf(table: PoolTable, block: BalancedBlock): PoolOrigin {
    const { context, connectionKey, connect } = block;
    const connections = context.keep(
      `load-balancer/connections ${JSON.stringify([poolZone(table.scope), connectionKey])}`,
      () => new Connections(connect),
    );
    const pool = poolFor(table, context, (members) => connections.retain(members));
    this.#pools.push(pool);
    return new PoolOrigin(pool, connections);
  }

  /** The pool of a stream route. */
  streamPoolOf(table: PoolTable, context: SnapshotContext): StreamPool {
    const pool = poolFor(table, context, () => {});
    this.#pools.push(pool);
    return new StreamMembers(pool);
  }

  plan(scope: RouteScope): Steps | undefined {
    const persistence = poolIn(scope)?.proxy.load_balance.persistence;
    const isManaged = persistence?.enabled === true && persistence.mode === "managed-cookie";
    return isManaged ? { response: setCookie } : undefined;
  }

  stop(): void {
    this.#stopTicking();
  }
}

/** One pool. Its members' connections outlive the snapshot. */
function poolFor(
  table: PoolTable,
  context: SnapshotContext,
  onMembers: (members: readonly Member[]) => void,
): Pool {
  const { scope, proxy } = table;
  const { zones, metrics, modules, config } = context;
  const { load_balance: policy } = proxy;
  const shared = zones.open(poolMemory, poolZone(scope));
  const time = zones.open(sharedTime, CLOCK_ZONE);
  const secrets = zones.open(secretMemory, SECRETS_ZONE);
  const now = (): number => ticksOf(time.now());
  const nowSecs = (): number => Math.floor(time.now() / 1e9);
  const { policy: selection, source } = policyOf(policy.selection);
  const persistence = policy.persistence.enabled
    ? new Persistence({
      config: policy.persistence,
      sessions: zones.open(sessionMemory, sessionZone(scope)),
      secrets,
      nowSecs,
    })
    : undefined;
  const name = poolName(scope);
  const passive = policy.passive_health;
  const chooser = new Chooser({
    shared,
    rules: rulesOf(proxy),
    policy: selection,
    maxIterations: policy.max_iterations,
    loadFactor: policy.bounded_load_factor_per_mille,
    seeds: secrets.seeds,
    now,
    slowStart: policy.slow_start.enabled
      ? new SlowStart(shared, policy.slow_start.duration_secs * 100)
      : undefined,
    minHealthy: passive.enabled ? passive.min_healthy_backends : undefined,
    sessions: (slot) => {
      persistence?.sessions.purge(nowSecs());
      return persistence?.sessions.count(slot) ?? 0;
    },
    onMembers,
  });
  const { queue, retry } = policy;
  const maxRetries = Math.min(retry.max_retries, config.server.process.max_retries);
  const zeroRetention = modules.has("privacy-mode");
  return new Pool({
    proxy,
    name,
    shared,
    chooser,
    keyOf: keyOf(source, {
      header: policy.hash_header,
      cookie: policy.hash_cookie,
      isPlain: selection.hashesPlainly === true,
    }),
    failures: new FailureRules(passive.enabled ? passive : undefined),
    ejection: passive.enabled
      ? {
        threshold: passive.consecutive_failure,
        ticks: ticksIn(passive.ejection_secs * 1000),
        trials: passive.half_open_requests,
      }
      : undefined,
    persistence,
    room: queue.max_waiting > 0
      ? new WaitingRoom(shared, {
        maxWaiting: queue.max_waiting,
        timeoutMs: queue.timeout_ms,
        retryIntervalMs: queue.retry_interval_ms,
      })
      : undefined,
    retry: retry.enabled && maxRetries > 0 ? new RetryRules(retry, shared, maxRetries) : undefined,
    isTimed: selection.name === "least-time",
    events: new PoolEvents(metrics, scope),
    log: zeroRetention ? SILENT : context.log,
    hidesAddresses: zeroRetention,
    now,
    nowSecs,
  });
}
