/**
 * `auth_request`: asks a service about each request before the upstream sees it (spec 02 section 9.8).
 *
 * @module
 */
import { readAll } from "../../http/body.ts";
import { ClientError, type ClientResponse } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import { policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Counter } from "../../gateway/metrics.ts";
import type { RouteScope, WorkerContext } from "../../gateway/module.ts";
import { refuse } from "../../gateway/refusal.ts";
import { requestFor, type UpstreamPool } from "./pool.ts";
import { endpointOf, poolForEndpoint } from "./endpoint.ts";
import type { AuthRequestConfig } from "./schema.ts";

/** Names the service is told by us rather than by the client. */
const SYNTHESIZED: Readonly<Record<string, (exchange: Exchange) => string>> = {
  "x-original-uri": (exchange) => exchange.target,
  "x-forwarded-uri": (exchange) => exchange.target,
  "x-auth-request-redirect": (exchange) => exchange.target,
  "x-forwarded-for": (exchange) => exchange.clientAddress,
  "x-real-ip": (exchange) => exchange.clientAddress,
  "x-forwarded-host": (exchange) => exchange.authority,
  "x-forwarded-proto": (exchange) => exchange.connection.tls === undefined ? "http" : "https",
};

/** Asks one service for one scope. */
export class AuthRequest {
  readonly #pool: UpstreamPool;
  readonly #authority: string;
  readonly #target: string;
  readonly #removes: ReadonlySet<string>;
  readonly #allowed: Counter;
  readonly #denied: Counter;
  readonly #failed: Counter;

  constructor(
    readonly config: AuthRequestConfig & { readonly url: string },
    scope: RouteScope,
    readonly context: WorkerContext,
  ) {
    const endpoint = endpointOf(config.url);
    this.#authority = endpoint.authority;
    this.#target = endpoint.path;
    this.#pool = poolForEndpoint(endpoint, context, {
      connectMs: config.connect_timeout_secs * 1000,
      readMs: config.read_timeout_secs * 1000,
      maxIdle: 16,
    });
    this.#removes = new Set(config.allow_response_headers);
    this.#allowed = policyCounter(context.metrics, scope, "auth_request", "allow");
    this.#denied = policyCounter(context.metrics, scope, "auth_request", "deny");
    this.#failed = policyCounter(context.metrics, scope, "auth_request", "error");
  }

  /** The `authorize` step. */
  readonly authorize = async (exchange: Exchange): Promise<void> => {
    let response: ClientResponse;
    let text: Uint8Array | undefined;
    try {
      response = await this.#ask(exchange);
      text = response.body === undefined
        ? new Uint8Array(0)
        : await readAll(response.body, this.config.max_response_bytes);
    } catch (error) {
      if (exchange.aborted) return;
      this.#fail(exchange, error instanceof Error ? error.message : String(error));
      return;
    } finally {
      exchange.onAbort = undefined;
    }
    if (text === undefined) {
      this.#fail(exchange, "its answer is larger than max_response_bytes");
    } else if (response.status >= 200 && response.status < 300) {
      this.#allowed.value++;
      this.#copy(exchange, response.fields);
    } else if (response.status >= 400) {
      this.#denied.value++;
      refuse(exchange, {
        status: response.status,
        text: new TextDecoder().decode(text),
        cause: "auth_request",
      });
    } else {
      this.#failed.value++;
      refuse(exchange, { status: 500, text: "", cause: "auth_request" });
    }
  };

  stop(): void {
    this.#pool.stop();
  }

  /** One attempt, and a second one when a kept connection had died. */
  async #ask(exchange: Exchange): Promise<ClientResponse> {
    const fields = this.#fields(exchange);
    for (let attempt = 0;; attempt++) {
      const kept = attempt === 0 ? this.#pool.take() : undefined;
      const connection = kept ?? await this.#pool.connect(exchange);
      try {
        return await requestFor(exchange, connection, {
          method: "GET",
          target: this.#target,
          scheme: "http",
          authority: this.#authority,
          fields,
          body: undefined,
          upgrade: undefined,
        });
      } catch (error) {
        const again = error instanceof ClientError && error.stage === "unprocessed" &&
          attempt === 0;
        if (!again) throw error;
      }
    }
  }

  #fields(exchange: Exchange): Fields {
    const fields = new Fields();
    for (const name of this.config.forward_headers) {
      const made = SYNTHESIZED[name];
      const value = made === undefined
        ? exchange.request.joined(name, name === "cookie" ? "; " : ", ")
        : made(exchange);
      if (value !== undefined && value !== "") fields.append(name, value);
    }
    fields.set("cache-control", "no-store");
    return fields;
  }

  /** The service's word replaces the client's, also where the service says nothing. */
  #copy(exchange: Exchange, answer: Fields): void {
    const copied: (readonly [string, string])[] = [];
    for (const name of this.config.allow_response_headers) {
      const value = answer.get(name);
      if (value !== undefined) copied.push([name, value]);
    }
    exchange.authRemoves = this.#removes;
    exchange.authFields = copied;
  }

  #fail(exchange: Exchange, reason: string): void {
    this.#failed.value++;
    this.context.log.log("warn", "fluxheim::proxy", `auth_request failed: ${reason}`);
    refuse(exchange, { status: 502, text: "", cause: "auth_request" });
  }
}
