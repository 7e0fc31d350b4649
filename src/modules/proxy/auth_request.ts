/**
 * `auth_request`: asks a service about each request before the upstream sees it (spec 02 section 9.8).
 *
 * @module
 */
import { ClientError, UNASKED_SWITCH } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import { policyCounter } from "../../gateway/edge_policy.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { RouteScope, SnapshotContext, Step } from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { redirect } from "../../gateway/route/redirect.ts";
import { Slot } from "../../gateway/exchange/slot.ts";
import { AUTHORIZED, type Authorized } from "../headers/edge.ts";
import { CLIENT_ADDRESS_FIELDS, dashed } from "../headers/table.ts";
import { type Endpoint, endpointOf } from "./endpoint.ts";
import { ForwardedFields } from "./forwarded_fields.ts";
import type { AuthRequestConfig } from "./schema.ts";
import type { Question, Service, ServiceAnswer, ServiceLimits } from "./service.ts";

/** The service could not be asked. */
const FAILED: Refusal = { status: 502, text: "", cause: "auth_request", isFailure: true };
/** It neither allowed nor denied. */
const ODD_ANSWER: Refusal = { status: 500, text: "", cause: "auth_request", isFailure: true };

/** Stands for what the service would say, if it did. */
const NOT_ASKED = "(if and as the auth service says)";

/** The last question that a service said yes to; two scopes with the same one ask it once. */
const ALLOWED = new Slot("");

/** What the step works with beside its table. */
export interface AuthRequestContext extends Pick<SnapshotContext, "metrics" | "log"> {
  readonly service: Service;
  /** No client address leaves this gateway. */
  readonly zeroRetention: boolean;
}

/** The limits that an `auth_request` table sets. */
export function authLimits(config: AuthRequestConfig): ServiceLimits {
  const connectMs = config.connect_timeout_secs * 1000;
  return {
    connectMs,
    totalMs: connectMs + config.read_timeout_secs * 1000,
    maxResponseBytes: config.max_response_bytes,
  };
}

/** Asks one service for one scope. */
export class AuthRequest {
  /** The same for scopes that ask the same service in the same way. */
  readonly #key: string;
  readonly #endpoint: Endpoint;
  readonly #forwarded: ForwardedFields;
  /** Every name the service may speak for, in both spellings: the client's own is not believed. */
  readonly #removes: ReadonlySet<string>;
  readonly #allowed: Counter;
  readonly #denied: Counter;
  readonly #failed: Counter;

  constructor(
    readonly config: AuthRequestConfig & { readonly url: string },
    scope: RouteScope,
    readonly context: AuthRequestContext,
  ) {
    this.#key = JSON.stringify(config);
    this.#endpoint = endpointOf(config.url);
    this.#forwarded = new ForwardedFields(
      config.forward_headers,
      context.zeroRetention ? CLIENT_ADDRESS_FIELDS : [],
    );
    this.#removes = new Set(config.allow_response_headers.flatMap((name) => [name, dashed(name)]));
    this.#allowed = policyCounter(context.metrics, scope, "auth_request", "allow");
    this.#denied = policyCounter(context.metrics, scope, "auth_request", "deny");
    this.#failed = policyCounter(context.metrics, scope, "auth_request", "error");
  }

  /** The `authorize` step. */
  readonly authorize: Step = (exchange) => {
    if (ALLOWED.of(exchange) !== this.#key) return this.#ask(exchange);
  };

  /** For `fluxheim explain`: what {@linkcode AuthRequest.authorize} would do, in words. */
  explain(exchange: Exchange): string {
    const { url } = this.config;
    return ALLOWED.of(exchange) === this.#key ? `${url} has been asked already` : `asks ${url}`;
  }

  /** For `fluxheim explain`: leaves `exchange` as a service does that allows it, as far as that is known. */
  predict(exchange: Exchange): void {
    if (ALLOWED.of(exchange) === this.#key) return;
    this.#allow(exchange, this.config.allow_response_headers.map((name) => [name, NOT_ASKED]));
  }

  async #ask(exchange: Exchange): Promise<void> {
    const { service } = this.context;
    const { findings, startedAt } = exchange;
    if (startedAt !== 0) findings.authAt = microsecondsSince(exchange);
    let answer: ServiceAnswer;
    try {
      answer = await service.ask(this.#question(exchange), exchange);
      if (startedAt !== 0) findings.authUs = microsecondsSince(exchange) - findings.authAt;
    } catch (error) {
      if (startedAt !== 0) findings.authUs = microsecondsSince(exchange) - findings.authAt;
      if (exchange.aborted) return;
      const odd = error instanceof ClientError && error.message === UNASKED_SWITCH;
      this.#fail(exchange, odd ? ODD_ANSWER : FAILED, reasonOf(error));
      return;
    }
    const { status } = answer;
    if (status >= 200 && status < 300) {
      this.#allowed.count();
      this.#copy(exchange, answer.fields);
    } else if (this.config.pass_redirects && isRedirect(answer)) {
      this.#denied.count();
      sendAway(exchange, answer);
    } else if (status >= 400 && status < 600) {
      this.#denied.count();
      deny(exchange, answer);
    } else {
      this.#fail(exchange, ODD_ANSWER, `it answered ${status}`);
    }
  }

  #question(exchange: Exchange): Question {
    const fields = new Fields();
    this.#forwarded.write(exchange, fields);
    fields.set("cache-control", "no-store");
    const authority = this.#forwarded.authority(exchange, this.#endpoint.authority);
    return { method: "GET", target: this.#endpoint.path, authority, fields };
  }

  #copy(exchange: Exchange, answer: Fields): void {
    const copied: (readonly [string, string])[] = [];
    for (const name of this.config.allow_response_headers) {
      for (const value of answer.all(name)) copied.push([name, value]);
    }
    this.#allow(exchange, copied);
  }

  /**
   * The service's word replaces the client's, also where the service says nothing, and that of a service
   * of the policy route, which was asked before.
   */
  #allow(exchange: Exchange, said: Authorized["fields"]): void {
    const before = AUTHORIZED.of(exchange);
    ALLOWED.set(exchange, this.#key);
    AUTHORIZED.set(exchange, {
      removes: before?.removes.union(this.#removes) ?? this.#removes,
      fields: before === undefined
        ? said
        : [...before.fields.filter(([name]) => !this.#removes.has(dashed(name))), ...said],
    });
  }

  #fail(exchange: Exchange, refusal: Refusal, reason: string): void {
    this.#failed.count();
    const service = `${this.#endpoint.authority}${this.#endpoint.path}`;
    this.context.log.log("warn", "fluxheim::proxy", `auth service ${service} failed: ${reason}`);
    refuse(exchange, refusal);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof ClientError ? `${error.stage}: ${error.message}` : String(error);
}

/** Whether a service sends the client elsewhere. */
function isRedirect({ status, fields }: ServiceAnswer): boolean {
  return REDIRECTS.has(status) && fields.count("location") === 1;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The client goes where the service says, with the cookies by which the service will know it again. */
function sendAway(exchange: Exchange, { status, fields }: ServiceAnswer): void {
  redirect(exchange, status, fields.get("location") ?? "");
  exchange.response.append("cache-control", "no-store");
  for (const cookie of fields.all("set-cookie")) exchange.response.append("set-cookie", cookie);
}

/** The service's refusal is the gateway's, its text as `text/plain`. */
function deny(exchange: Exchange, { status, fields, body }: ServiceAnswer): void {
  refuse(exchange, {
    status,
    text: new TextDecoder().decode(body),
    cause: "auth_request",
    // Without it a client cannot know how to do better (RFC 9110 section 11.6.1).
    fields: status === 401
      ? fields.all("www-authenticate").map((value) => ["www-authenticate", value])
      : undefined,
  });
}
