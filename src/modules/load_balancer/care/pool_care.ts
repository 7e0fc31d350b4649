/**
 * Everything that is done for one pool beside serving requests: health checks, discovery, what is saved of it,
 * and operations on it. All of its state is in the memory that the edge workers see.
 *
 * @module
 */
import type { Files } from "../../../gateway/module.ts";
import type { ServiceContext } from "../../../gateway/threads/service.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { splitAuthority } from "../../../http/authority.ts";
import type { UpstreamTarget } from "../../../net/dial/dial.ts";
import { type SharedTime, sharedTime } from "../../../zones/shared_time.ts";
import { Keep, type KeepHold } from "../../../gateway/keep.ts";
import { balancedHost, serviceAt, targetOf, UpstreamMaterial } from "../../proxy/edge.ts";
import { dnsSource } from "../discovery/dns.ts";
import { EVENTS } from "../descriptions.ts";
import { fileSource } from "../discovery/file.ts";
import { httpSource, MAX_LIST_BYTES, SOURCE_MS } from "../discovery/http.ts";
import { type DiscoveryStatus, newStatus, Refresh } from "../discovery/refresh.ts";
import type { Source } from "../discovery/source.ts";
import { protocolOf } from "../health/protocols.ts";
import { type Places, Rounds } from "../health/rounds.ts";
import type { Stalls } from "../health/stalls.ts";
import { memberKey } from "../memory/fnv.ts";
import type { OperationContext } from "./operations.ts";
import {
  DISABLED,
  DRAINED,
  FORCED_DOWN,
  poolMemory,
  type SharedPool,
  ticksOf,
} from "../memory/pool_memory.ts";
import { MemberRanges } from "../../../config/schema/member_range.ts";
import { policyOf } from "../selection/policies.ts";
import { sessionMemory, type Sessions } from "../memory/session_memory.ts";
import { SlowStart } from "../memory/slow_start.ts";
import {
  keepRefused,
  type PoolState,
  readState,
  type SavedState,
  writeState,
} from "./state_file.ts";
import { overrideName, poolStatus } from "./status.ts";
import {
  canonicalAddress,
  CLOCK_ZONE,
  poolName,
  type PoolTable,
  poolZone,
  sessionZone,
} from "../table.ts";
import { rulesOf, type View, viewOf } from "./view.ts";

/** Time between two looks whether sessions have changed and are to be saved. */
const SAVE_MS = 5_000;
const SWEEP_MS = 60_000;
/** Limits of probes that neither their table nor the proxy's has, in seconds. */
const PROBE_SECS = 1;

const FLAGS: Readonly<Record<SavedState, number>> = {
  drained: DRAINED,
  disabled: DISABLED,
  forced_down: FORCED_DOWN,
};

/** What pools share in this thread. */
export interface Carers {
  readonly places: Places;
  readonly stalls: Stalls;
}

/** One pool in the care of the balancer. */
export class PoolCare {
  readonly table: PoolTable;
  readonly shared: SharedPool;
  readonly #context: ServiceContext;
  readonly #files: Files;
  readonly #sessions: Sessions | undefined;
  readonly #time: SharedTime;
  readonly #hold: KeepHold = new Keep().hold();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #discovery: DiscoveryStatus;
  readonly #carers: Carers;
  #rounds: Rounds | undefined;
  #refresh: Refresh | undefined;
  #savedChanges = 0;

  constructor(
    table: PoolTable,
    context: ServiceContext,
    files: Files,
    carers: Carers,
    before?: PoolCare,
  ) {
    this.table = table;
    this.#context = context;
    this.#files = files;
    this.#carers = carers;
    const { zones } = context;
    const { scope, proxy } = table;
    this.shared = zones.open(poolMemory, poolZone(scope));
    this.#time = zones.open(sharedTime, CLOCK_ZONE);
    this.#sessions = proxy.load_balance.persistence.enabled
      ? zones.open(sessionMemory, sessionZone(scope))
      : undefined;
    this.#discovery = before?.table.kind === table.kind ? before.#discovery : newStatus();
    const isSameCheck = before !== undefined &&
      JSON.stringify(before.#checkParts) === JSON.stringify(this.#checkParts);
    this.#rounds = this.#roundsAfter(isSameCheck ? before.#rounds : undefined);
  }

  get name(): string {
    return poolName(this.table.scope);
  }

  /** Why the last look for members failed; `""` when it did not. */
  get lastError(): string {
    return this.#discovery.lastError ?? "";
  }

  /** Looks for members, takes up what was saved, and begins to ask them how they are. */
  async start(): Promise<void> {
    const { kind } = this.table;
    if (kind === "static") {
      if (this.#discovery.successCount === 0) {
        this.#discovery.successCount = 1;
        this.#discovery.lastSuccess = Math.floor(Date.now() / 1000);
      }
    } else {
      this.#refresh = new Refresh({
        source: this.#source(),
        shared: this.shared,
        intervalMs: this.#refreshMs(),
        name: this.name,
        log: this.#context.log,
        status: this.#discovery,
        mayDial: (address) => this.mayDial(address),
        onRound: (isSuccess) => this.#count(isSuccess ? "discovery_success" : "discovery_failure"),
      });
      await this.#refresh.start();
    }
    this.#restore();
    this.#rounds?.start();
    this.#timers.push(setInterval(() => this.shared.sweep(this.#now), SWEEP_MS));
    if (this.#statePath !== undefined && this.#sessions !== undefined) {
      this.#timers.push(setInterval(() => this.#saveSessions(), SAVE_MS));
    }
  }

  async stop(): Promise<void> {
    this.#refresh?.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#rounds?.stop();
    await this.#hold.release();
  }

  /** Whether edge workers may dial `address`. */
  mayDial(address: string): boolean {
    const { proxy, kind } = this.table;
    if (new MemberRanges(proxy.load_balance.member_ranges).has(address)) return true;
    return kind === "static" &&
      proxy.upstreams.some((entry) => canonicalAddress(entry) === address);
  }

  /** For an operation on it. */
  get operation(): OperationContext {
    return {
      table: this.table,
      shared: this.shared,
      view: this.#view,
      sessions: this.#sessions,
      policy: policyOf(this.table.proxy.load_balance.selection).policy,
      now: this.#now,
      isPersistent: this.#statePath !== undefined,
      mayDial: (address) => this.mayDial(address),
    };
  }

  get status(): Plain {
    const { slow_start: slow } = this.table.proxy.load_balance;
    return poolStatus({
      table: this.table,
      shared: this.shared,
      view: this.#view,
      sessions: this.#sessions,
      slowStart: slow.enabled ? new SlowStart(this.shared, slow.duration_secs * 100) : undefined,
      discovery: this.#discovery,
      now: this.#now,
    });
  }

  /** Writes the state file, where there is one. What goes wrong is logged and fails nothing. */
  save(): void {
    const path = this.#statePath;
    if (path === undefined) return;
    this.#savedChanges = this.#sessions?.changes ?? 0;
    try {
      writeState(path, this.#state());
    } catch (error) {
      this.#warn(`${path} could not be written: ${messageOf(error)}`);
    }
  }

  get #view(): View {
    return viewOf(this.shared, rulesOf(this.table.proxy));
  }

  get #now(): number {
    return ticksOf(this.#time.now());
  }

  get #statePath(): string | undefined {
    return this.table.proxy.load_balance.runtime_state_file;
  }

  /** What results in a row depend on. */
  get #checkParts(): unknown {
    const { load_balance, upstream_tls, upstream_sni } = this.table.proxy;
    return [load_balance.health_check, upstream_tls, upstream_sni];
  }

  #count(event: string): void {
    const { vhost, route } = this.table.scope;
    this.#context.metrics.counter(EVENTS.name, {
      scope: route === undefined ? "vhost" : "route",
      vhost: vhost.name,
      route: route?.name ?? "",
      upstream: "",
      event,
    }).count();
  }

  #roundsAfter(before: Rounds | undefined): Rounds | undefined {
    const { proxy } = this.table;
    const { health_check: config } = proxy.load_balance;
    if (!config.enabled) return undefined;
    const material = new UpstreamMaterial(this.#files);
    const connectSecs = config.connect_timeout_secs ?? proxy.connect_timeout_secs ?? PROBE_SECS;
    const readSecs = config.read_timeout_secs ?? proxy.read_timeout_secs ?? PROBE_SECS;
    const connectMs = (connectSecs || PROBE_SECS) * 1000;
    const { clock, log } = this.#context;
    const target = (address: string): UpstreamTarget => {
      const port = config.protocol === "tcp" ? undefined : config.port_override;
      const { host } = splitAuthority(address)!;
      const at = port === undefined
        ? address
        : `${host.includes(":") ? `[${host}]` : host}:${port}`;
      return {
        ...targetOf(proxy, at, material),
        ...(config.protocol === "http" ? { version: "http1" as const } : {}),
        connectTimeoutMs: connectMs,
        totalConnectTimeoutMs: 2 * connectMs,
      };
    };
    const named = balancedHost(proxy);
    const probe = protocolOf(config.protocol).open({
      config,
      clock,
      target,
      host: config.host ?? proxy.upstream_sni ?? splitAuthority(named)?.host ?? named,
      connectMs,
      readMs: (readSecs || PROBE_SECS) * 1000,
    });
    const nameOf = (address: string): string => `${address} of ${this.name}`;
    const { places, stalls } = this.#carers;
    return new Rounds({ shared: this.shared, config, probe, places, stalls, log, nameOf }, before);
  }

  #source(): Source {
    const { proxy, kind } = this.table;
    switch (kind) {
      case "file":
        return fileSource(proxy.upstreams_file!);
      case "dns":
        return dnsSource({
          upstreams: proxy.upstreams,
          allowsPrivate: proxy.upstream_dns_allow_private_backends,
          servers: proxy.upstream_dns_servers,
        });
      case "http": {
        const limits = {
          connectMs: undefined,
          totalMs: SOURCE_MS,
          maxResponseBytes: MAX_LIST_BYTES,
        };
        const { clock, log } = this.#context;
        const keep: KeepHold["get"] = (key, make) => this.#hold.get(key, make);
        return httpSource({
          url: proxy.upstreams_http_url!,
          tokenFile: proxy.upstreams_http_bearer_token_file,
          allowsPrivate: proxy.upstreams_http_allow_private_backends,
          serviceAt: (endpoint) => serviceAt(endpoint, "discovery", limits, { clock, log, keep }),
        });
      }
      case "static":
        throw new Error("the members of a static pool are not looked for");
    }
  }

  #refreshMs(): number {
    const { proxy, kind } = this.table;
    const secs = kind === "file"
      ? proxy.upstreams_file_refresh_secs
      : kind === "http"
      ? proxy.upstreams_http_refresh_secs
      : proxy.upstream_dns_refresh_secs ?? 1;
    return secs * 1000;
  }

  #state(): PoolState {
    const { shared } = this;
    const states: PoolState["states"][number][] = [];
    const weights: PoolState["weights"][number][] = [];
    const keys = new Map<string, bigint>();
    for (const { slot, address, incarnation } of shared.members()) {
      const { high, low } = memberKey(address);
      const key = (BigInt(high) << 32n) | BigInt(low);
      keys.set(`${slot} ${incarnation}`, key);
      const state = overrideName(shared.flags(slot));
      if (state !== null) states.push({ key, state, at: shared.overrideAt(slot) });
      const weight = shared.weight(slot);
      if (weight > 0) weights.push({ key, weight, at: shared.weightAt(slot) });
    }
    const now = Math.floor(this.#time.now() / 1e9);
    const sessions = this.#sessions && [...this.#sessions.saved(now)].flat().flatMap((entry) => {
      const member = keys.get(`${entry.slot} ${entry.incarnation}`);
      return member === undefined
        ? []
        : [{ key: entry.key, member, secondsLeft: entry.secondsLeft }];
    });
    return { states, weights, sessions };
  }

  /** Takes up what an earlier process has saved, all of it or nothing. */
  #restore(): void {
    const path = this.#statePath;
    if (path === undefined || !this.shared.claimRestore()) return;
    const { persistence } = this.table.proxy.load_balance;
    let state: PoolState | undefined;
    try {
      state = readState(path, {
        maxSessions: persistence.table_max_entries,
        ttlSecs: persistence.ttl_secs,
      });
    } catch (error) {
      const text = `${this.name}: ${path} is not used, and is kept as ${path}.refused: ${
        messageOf(error)
      }`;
      this.#context.log.log("warn", "fluxheim::security", text);
      keepRefused(path);
      return;
    }
    if (state === undefined) return;
    const members = new Map(
      this.shared.members().map((member) => {
        const { high, low } = memberKey(member.address);
        return [(BigInt(high) << 32n) | BigInt(low), member];
      }),
    );
    for (const { key, state: name, at } of state.states) {
      const member = members.get(key);
      if (member !== undefined) this.shared.setOverride(member.slot, FLAGS[name], at);
    }
    for (const { key, weight, at } of state.weights) {
      const member = members.get(key);
      if (member !== undefined) this.shared.setWeight(member.slot, weight, at);
    }
    const now = Math.floor(this.#time.now() / 1e9);
    const oldestFirst = (state.sessions ?? []).toSorted((a, b) => a.secondsLeft - b.secondsLeft);
    for (const { key, member: of, secondsLeft } of oldestFirst) {
      const member = members.get(of);
      if (member !== undefined) this.#sessions?.put(key, member, now, secondsLeft);
    }
    this.#savedChanges = this.#sessions?.changes ?? 0;
  }

  #saveSessions(): void {
    if (this.#sessions?.changes !== this.#savedChanges) this.save();
  }

  #warn(text: string): void {
    this.#context.log.log("warn", "fluxheim::load_balancer", `${this.name}: ${text}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
