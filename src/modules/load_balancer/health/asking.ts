/** HTTP of probes: one bounded question to one member, over the proxy's own client. @module */
import { Fields } from "../../../http/fields.ts";
import { readAll } from "../../../http/body.ts";
import { ClientError, ClientRequest } from "../../../http/client.ts";
import type { Body } from "../../../http/body.ts";
import { SILENT } from "../../../gateway/reports/log_none.ts";
import { BoundedCall, Upstream, UpstreamPool } from "../../proxy/edge.ts";
import { dialFailure, messageOf } from "./dialing.ts";
import { fail, type ProbeContext, type ProbeResult } from "./probe.ts";

/** Largest body, and largest head, of an answer (spec 03 section 12.4). */
const MAX_BODY = 64 * 1024;
const MAX_HEAD = 8 * 1024;
/** The least an idle connection is kept beyond one round. */
const IDLE_MARGIN_MS = 5_000;

/** What a member is asked. */
export interface ProbeQuestion {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body?: () => Body;
}

/** What it answered. */
export interface ProbeAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array;
  readonly trailers: Fields | undefined;
}

/** Asks the members of one pool, over a new connection each time unless connections are kept. */
export class Asker {
  readonly #context: ProbeContext;
  readonly #kept = new Map<string, UpstreamPool>();

  constructor(context: ProbeContext) {
    this.#context = context;
  }

  /** What `judge` makes of the answer; never rejects. */
  async ask(
    address: string,
    { method, target, fields, body }: ProbeQuestion,
    judge: (answer: ProbeAnswer) => ProbeResult,
  ): Promise<ProbeResult> {
    const { config, clock, host, connectMs, readMs } = this.#context;
    const pool = this.#poolOf(address);
    const call = new BoundedCall(undefined, clock.now + connectMs + readMs);
    clock.watch(call);
    try {
      const scheme = pool.options.target.tls === undefined ? "http" : "https";
      const request = new ClientRequest(
        method,
        target,
        scheme,
        host,
        Fields.of(...fields),
        body?.(),
        undefined,
      );
      const upstream = new Upstream(pool, { name: address, maxRetries: 1, log: undefined });
      const response = await upstream.fetch(request, call);
      call.onAbort = () => response.body?.cancel();
      if (headBytes(response.fields) > MAX_HEAD) {
        response.body?.cancel();
        return fail("the head of its answer is too large");
      }
      const bytes = response.body === undefined
        ? new Uint8Array(0)
        : await readAll(response.body, MAX_BODY);
      if (bytes === undefined) return fail("the body of its answer is too large");
      return judge({
        status: response.status,
        fields: response.fields,
        body: bytes,
        trailers: response.body?.trailers,
      });
    } catch (error) {
      if (call.isLate) return fail("it did not answer in time");
      if (error instanceof ClientError && error.stage === "connect") {
        return dialFailure(error.cause);
      }
      return fail(messageOf(error));
    } finally {
      clock.unwatch(call);
      if (!config.reuse_connection) pool.close();
    }
  }

  retain(addresses: readonly string[]): void {
    for (const [address, pool] of this.#kept) {
      if (addresses.includes(address)) continue;
      this.#kept.delete(address);
      pool.close();
    }
  }

  close(): void {
    this.retain([]);
  }

  #poolOf(address: string): UpstreamPool {
    const known = this.#kept.get(address);
    if (known !== undefined) return known;
    const { config, clock, target, readMs } = this.#context;
    const pool = new UpstreamPool({
      name: `health check of ${address}`,
      log: SILENT,
      target: target(address),
      timeouts: {
        readMs,
        sendMs: readMs,
        idleMs: config.interval_secs * 1000 + IDLE_MARGIN_MS,
      },
      clock,
      maxIdle: config.reuse_connection ? 1 : 0,
      maxStreams: 1,
      pingIntervalMs: 0,
    });
    if (config.reuse_connection) this.#kept.set(address, pool);
    return pool;
  }
}

function headBytes({ names, values }: Fields): number {
  let bytes = 0;
  for (let i = 0; i < names.length; i++) bytes += names[i].length + values[i].length + 4;
  return bytes;
}
