/**
 * One route of `[udp]` at work: datagrams of clients become sessions, each with an upstream and, where answers come
 * back, a socket of its own on a port that the system picks (RFC 5452 section 9.2). What does not come from the
 * session's upstream, or answers another question, is ignored.
 *
 * Every socket is read by one loop, which waits for each datagram to be sent on before it takes the next: nothing is
 * queued here.
 *
 * @module
 */
import type { Logger } from "../../gateway/reports/log.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { Clock } from "../../net/clock.ts";
import { closeQuietly } from "../../net/duplex.ts";
import { socketAddress } from "../../net/ip.ts";
import { IpSet } from "../../net/ip_set.ts";
import { countersOf, type UdpCounters } from "./counters.ts";
import type { DropReason } from "./descriptions.ts";
import { answers, idOf, isAnswer, questionOf, setId } from "./dns.ts";
import { UdpLog } from "./log.ts";
import { ConnectionIds } from "./connection_ids.ts";
import type { UdpRouteConfig } from "./schema.ts";
import { type OpenQuestion, type SessionEvents, type UdpClient, UdpSession } from "./session.ts";
import { UdpSources } from "./sources.ts";
import { clientRanges, isExposed, localHostFor, upstreamsOf } from "./table.ts";
import { addressKey, Turns, UdpUpstream } from "./upstreams.ts";

/** Pause of a loop after a failure to receive, so that one that fails for good does not spin. */
const FAULT_PAUSE_MS = 100;

/** What routes work with. */
export interface UdpServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** One route. */
export class UdpRoute implements SessionEvents {
  readonly #table: UdpRouteConfig;
  readonly #clock: Clock;
  readonly #log: UdpLog;
  readonly #counters: UdpCounters;
  readonly #turns: Turns;
  readonly #sources: UdpSources;
  readonly #sessions = new Map<string, UdpSession>();
  readonly #ids = new ConnectionIds();
  readonly #listeners: Deno.DatagramConn[] = [];
  /** Sends what is not answered, by the host it is bound to. */
  readonly #senders = new Map<string, Deno.DatagramConn>();
  readonly #maxSessions: number;
  /** `undefined` for everyone. */
  readonly #clients: IpSet | undefined;
  readonly #stopSweeping: () => void;
  #isClosed = false;

  constructor(table: UdpRouteConfig, { clock, log, metrics }: UdpServices) {
    this.#table = table;
    this.#clock = clock;
    this.#log = new UdpLog(table.name, log, clock);
    this.#counters = countersOf(table, metrics);
    const upstreams = upstreamsOf(table).map((entry, index) => {
      const { host, port } = splitAuthority(entry)!;
      const address: Deno.NetAddr = { transport: "udp", hostname: host, port };
      const label = table.upstream_aliases[index] ?? entry;
      return new UdpUpstream(label, address, table.upstream_weights[index] ?? 1);
    });
    this.#turns = new Turns(upstreams, randomWord());
    this.#sources = new UdpSources(
      table.max_sessions_per_source,
      table.max_responses_per_source_per_second,
    );
    const ranges = clientRanges(table);
    this.#clients = ranges === undefined ? undefined : IpSet.of(ranges);
    this.#maxSessions = table.max_sessions === 0 ? Infinity : table.max_sessions;
    this.#stopSweeping = clock.every(() => this.#sources.sweep(clock.now));
  }

  /**
   * Binds every listener and begins to receive.
   *
   * @throws when one cannot be bound; none is left open.
   */
  open(): void {
    try {
      for (const address of this.#table.listen) {
        const { host: hostname, port } = splitAuthority(address)!;
        this.#listeners.push(Deno.listenDatagram({ transport: "udp", hostname, port }));
      }
    } catch (error) {
      this.close();
      throw error;
    }
    for (const listener of this.#listeners) void this.#receive(listener);
  }

  /** Ends every session, and receives nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#stopSweeping();
    for (const session of [...this.#sessions.values()]) this.#end(session);
    for (const socket of [...this.#listeners, ...this.#senders.values()]) closeQuietly(socket);
  }

  /** Spec 06 section A3.6, and how it is doing. */
  status(): Plain {
    const table = this.#table;
    const { now } = this.#clock;
    return {
      name: table.name,
      mode: table.mode,
      listeners: [...table.listen],
      listener_count: table.listen.length,
      upstream_count: this.#turns.all.length,
      idle_timeout_secs: table.idle_timeout_secs,
      response_timeout_secs: table.response_timeout_secs,
      max_datagram_bytes: table.max_datagram_bytes,
      max_sessions: table.max_sessions,
      max_sessions_per_source: table.max_sessions_per_source,
      max_responses_per_source_per_second: table.max_responses_per_source_per_second,
      passive_health_enabled: table.passive_health_enabled,
      passive_health_failures: table.passive_health_failures,
      passive_health_ejection_secs: table.passive_health_ejection_secs,
      public_exposure_warning: isExposed(table),
      active_sessions: this.#sessions.size,
      upstreams: this.#turns.all.map((upstream) => ({
        name: upstream.label,
        ejected: upstream.isEjected(now),
      })),
    };
  }

  onUnanswered(session: UdpSession): void {
    // Its next datagram begins a session with an upstream whose turn it is then.
    this.#end(session);
    const { passive_health_enabled: judges, passive_health_failures: limit } = this.#table;
    if (!judges) return;
    const ejectionMs = this.#table.passive_health_ejection_secs * 1000;
    const { upstream } = session;
    if (!upstream.failed(this.#clock.now, limit, ejectionMs)) return;
    this.#log.changed(`${upstream.label} has not answered ${limit} times and is left out`);
  }

  onIdle(session: UdpSession): void {
    this.#end(session);
  }

  /** Receives from clients until the route is closed. Never rejects. */
  async #receive(listener: Deno.DatagramConn): Promise<void> {
    const most = this.#table.max_datagram_bytes;
    // One byte more shows that a datagram is larger.
    const buffer = new Uint8Array(most + 1);
    while (!this.#isClosed) {
      try {
        const [datagram, from] = await listener.receive(buffer);
        if (from.transport !== "udp") continue;
        const client = clientOf(listener, from);
        if (this.#clients?.has(client.source) === false) {
          this.#drop("other", `${client.source} is not in client_ranges`);
        } else if (datagram.length > most) this.#drop("oversized_downstream", client.source);
        else await this.#forward(datagram, client);
      } catch (error) {
        if (this.#isClosed) return;
        // The failure of an earlier send may be reported here: it says nothing of the next datagram.
        this.#counters.downstream.error.count();
        this.#log.repeated("receiving failed", String(error));
        await pause();
      }
    }
  }

  async #forward(datagram: Uint8Array, client: UdpClient): Promise<void> {
    const session = this.#sessionFor(datagram, client);
    if (typeof session === "string") {
      this.#drop(session, client.source);
      return;
    }
    this.#counters.downstream.accepted.count();
    session.touch();
    const { asked, upstream } = session;
    if (asked !== undefined) setId(datagram, asked.id);
    const socket = session.socket ?? this.#senderTo(upstream);
    try {
      await socket.send(datagram, upstream.address);
      this.#counters.upstream.sent.count();
      if (session.socket !== undefined) {
        session.expectAnswer(this.#table.response_timeout_secs * 1000);
      }
    } catch (error) {
      if (session.isOver) return;
      this.#counters.upstream.error.count();
      this.#log.repeated(`sending to ${upstream.label} failed`, String(error));
    }
  }

  /** The session of a datagram, made where there is none, or why it is dropped. */
  #sessionFor(datagram: Uint8Array, client: UdpClient): UdpSession | DropReason {
    const from = addressKey(client.address);
    switch (this.#table.mode) {
      case "dns-load-balance": {
        const question = questionOf(datagram);
        if (question === undefined || isAnswer(datagram)) return "other";
        const clientId = idOf(datagram);
        // The same question again is that of a client which has grown impatient.
        const key = `${from} ${clientId} ${question}`;
        const asked = { clientId, id: randomWord(), question: question.slice() };
        return this.#sessions.get(key) ?? this.#begin(key, client, asked);
      }
      case "quic-pass-through": {
        const known = this.#sessions.get(from) ?? this.#moved(datagram, from, client);
        if (known !== undefined) return known;
        if (!this.#ids.mayBegin(datagram)) return "other";
        const session = this.#begin(from, client);
        if (typeof session !== "string") this.#ids.learnFromClient(session, datagram);
        return session;
      }
      case "syslog-forward":
      case "game-proxy":
        return this.#sessions.get(from) ?? this.#begin(from, client);
    }
  }

  #begin(key: string, client: UdpClient, asked?: OpenQuestion): UdpSession | DropReason {
    if (this.#sessions.size >= this.#maxSessions) return "max_sessions";
    const entered = this.#sources.enter(client.source);
    if (entered === "full") return "max_sessions_per_source";
    if (entered === "crowded") return "max_sessions";
    const upstream = this.#turns.take(this.#clock.now);
    let socket: Deno.DatagramConn | undefined;
    try {
      if (this.#table.mode !== "syslog-forward") socket = bindFor(upstream);
    } catch (error) {
      this.#sources.leave(client.source);
      this.#log.repeated("no socket for a session", String(error));
      return "other";
    }
    const limits = { idleMs: this.#table.idle_timeout_secs * 1000 };
    const session = new UdpSession(key, client, upstream, socket, asked, limits, this.#clock, this);
    this.#sessions.set(key, session);
    this.#counters.sessions.set(this.#sessions.size);
    this.#log.debug(() => `${client.source} has a session with ${upstream.label}`);
    if (socket !== undefined) void this.#answer(session, socket);
    return session;
  }

  /** The session of a QUIC client that has another address than before. */
  #moved(datagram: Uint8Array, key: string, client: UdpClient): UdpSession | undefined {
    const session = this.#ids.find(datagram);
    if (session === undefined) return undefined;
    if (session.client.source !== client.source) {
      if (this.#sources.enter(client.source) !== "entered") return undefined;
      this.#sources.leave(session.client.source);
    }
    this.#sessions.delete(session.key);
    session.key = key;
    session.client = client;
    this.#sessions.set(key, session);
    this.#log.debug(() => `a session with ${session.upstream.label} has moved to ${client.source}`);
    return session;
  }

  /** Passes answers on until the session is over. Never rejects. */
  async #answer(session: UdpSession, socket: Deno.DatagramConn): Promise<void> {
    const most = this.#table.max_datagram_bytes;
    const buffer = new Uint8Array(most + 1);
    const { upstream, asked } = session;
    while (!session.isOver) {
      try {
        const [datagram, from] = await socket.receive(buffer);
        if (session.isOver) return;
        if (from.transport !== "udp" || addressKey(from) !== upstream.key) continue;
        if (asked !== undefined && !answers(datagram, asked.id, asked.question)) continue;
        upstream.succeeded();
        session.answered();
        if (datagram.length > most) this.#drop("oversized_upstream", upstream.label);
        else await this.#sendBack(session, datagram);
        if (asked !== undefined) this.#end(session);
      } catch (error) {
        if (session.isOver) return;
        this.#counters.upstream.error.count();
        this.#log.repeated(`receiving from ${upstream.label} failed`, String(error));
        await pause();
      }
    }
  }

  async #sendBack(session: UdpSession, datagram: Uint8Array): Promise<void> {
    const { client, asked } = session;
    this.#counters.upstream.accepted.count();
    if (asked !== undefined) setId(datagram, asked.clientId);
    if (this.#table.mode === "quic-pass-through") this.#ids.learnFromServer(session, datagram);
    if (!this.#sources.mayAnswer(client.source, this.#clock.now)) {
      this.#drop("response_rate_limited", client.source);
      return;
    }
    try {
      await client.listener.send(datagram, client.address);
      this.#counters.downstream.sent.count();
    } catch (error) {
      if (this.#isClosed) return;
      this.#counters.downstream.error.count();
      this.#log.repeated("sending to a client failed", String(error));
    }
  }

  #end(session: UdpSession): void {
    if (!session.end()) return;
    this.#sessions.delete(session.key);
    this.#ids.forget(session);
    this.#sources.leave(session.client.source);
    this.#counters.sessions.set(this.#sessions.size);
  }

  #senderTo(upstream: UdpUpstream): Deno.DatagramConn {
    const host = localHostFor(upstream.address.hostname);
    const sender = this.#senders.get(host) ?? bindFor(upstream);
    this.#senders.set(host, sender);
    return sender;
  }

  #drop(reason: DropReason, whose: string): void {
    this.#counters.drops.get(reason)?.count();
    this.#log.repeated("a datagram is dropped", `${reason}, ${whose}`);
  }
}

function bindFor({ address: { hostname } }: UdpUpstream): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: localHostFor(hostname), port: 0 });
}

function clientOf(listener: Deno.DatagramConn, address: Deno.NetAddr): UdpClient {
  return { listener, address, source: socketAddress(address.hostname) };
}

/** A random number of 16 bits. */
function randomWord(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0];
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FAULT_PAUSE_MS));
}
