/**
 * Copies of requests for another service: sent and forgotten, never in the way of the answer.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { readAll } from "../../http/body.ts";
import { Fields } from "../../http/fields.ts";
import { policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Counter } from "../../gateway/metrics.ts";
import type { RouteScope, WorkerContext } from "../../gateway/module.ts";
import { isSafePath } from "../../gateway/path_safety.ts";
import { type Endpoint, endpointOf, poolForEndpoint } from "../proxy/module.ts";
import type { MirrorConfig } from "./schema.ts";

/** Marks copies, so that a mirror behind a gateway does not mirror again. */
const MARK = "x-fluxheim-mirror";

/** Makes sampling differ from process to process; the same request is treated alike within one. */
const salt = randomBytes(16);

/** Copies the requests of one scope. */
export class Mirror {
  readonly #endpoint: Endpoint;
  readonly #pool: ReturnType<typeof poolForEndpoint>;
  readonly #methods: ReadonlySet<string>;
  readonly #succeeded: Counter;
  readonly #failed: Counter;
  readonly #skipped: Counter;
  #inFlight = 0;

  constructor(
    readonly config: MirrorConfig & { readonly base_url: string },
    scope: RouteScope,
    context: WorkerContext,
  ) {
    this.#endpoint = endpointOf(config.base_url);
    this.#pool = poolForEndpoint(this.#endpoint, context, {
      connectMs: config.timeout_secs * 1000,
      readMs: config.timeout_secs * 1000,
      maxIdle: 16,
    });
    this.#methods = new Set(config.methods);
    this.#succeeded = policyCounter(context.metrics, scope, "mirror", "success");
    this.#failed = policyCounter(context.metrics, scope, "mirror", "error");
    this.#skipped = policyCounter(context.metrics, scope, "mirror", "skipped");
  }

  /** The `mirror` step. */
  readonly mirror = (exchange: Exchange): void => {
    if (!this.#methods.has(exchange.method) || exchange.request.has(MARK)) return;
    if (!isSafePath(exchange.path) || !this.#isSampled(exchange)) return;
    if (this.#inFlight >= this.config.max_in_flight) {
      this.#skipped.value++;
      return;
    }
    this.#inFlight++;
    // Everything is taken from the exchange now: it goes its own way while the copy is sent.
    const { method, target } = exchange;
    this.#send(exchange, method, target, this.#fields(exchange))
      .then(() => this.#succeeded.value++, () => this.#failed.value++)
      .finally(() => this.#inFlight--);
  };

  stop(): void {
    this.#pool.stop();
  }

  async #send(exchange: Exchange, method: string, target: string, fields: Fields): Promise<void> {
    const connection = this.#pool.take() ?? await this.#pool.connect(exchange);
    const base = this.#endpoint.path === "/" ? "" : this.#endpoint.path.replace(/\/$/, "");
    const { body } = await connection.request({
      method,
      target: base + target,
      scheme: "http",
      authority: this.#endpoint.authority,
      fields,
      body: undefined,
      upgrade: undefined,
    });
    if (body !== undefined) await readAll(body, this.config.max_response_bytes);
  }

  #fields(exchange: Exchange): Fields {
    const fields = new Fields();
    for (const name of this.config.forward_headers) {
      const value = exchange.request.joined(name, name === "cookie" ? "; " : ", ");
      if (value !== undefined) fields.append(name, value);
    }
    fields.set("cache-control", "no-store");
    fields.set(MARK, "1");
    return fields;
  }

  #isSampled({ method, target, host }: Exchange): boolean {
    const { sample_per_mille } = this.config;
    if (sample_per_mille === 1000) return true;
    const digest = createHash("sha256").update(salt).update(`${method}\0${target}\0${host}`)
      .digest();
    return digest.readUInt16BE(0) % 1000 < sample_per_mille;
  }
}
