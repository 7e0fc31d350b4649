/** Tokens at work. @module */
import { ByScope, policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  Steps,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { authorizeFields } from "../headers/edge.ts";
import { readKeys } from "./keys.ts";
import { rulesOf, type TokenRules } from "./table.ts";
import { BROKEN, tokenOf } from "./token.ts";
import { type Known, Verifier } from "./verifier.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "auth-jwt",
  open: () => ({ start: (snapshot) => new TokenGates(snapshot) }),
};

class TokenGates implements RunningModule {
  readonly #gates = new ByScope<TokenGate>();

  constructor(readonly context: SnapshotContext) {}

  plan(scope: RouteScope): Steps | undefined {
    const rules = rulesOf(scope);
    if (rules === undefined) return undefined;
    const { files, metrics, clock } = this.context;
    const keys = readKeys(files.get(rules.keys_file) ?? new Uint8Array(0));
    if (typeof keys === "string") throw new Error(`${rules.keys_file} ${keys}`);
    const counted = (outcome: "allow" | "deny") =>
      policyCounter(metrics, scope, "auth_jwt", outcome);
    const gate = new TokenGate(rules, new Verifier(rules, keys), clock, {
      allowed: counted("allow"),
      denied: counted("deny"),
    });
    this.#gates.set(scope, gate);
    return { authenticate: gate.authenticate };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    return this.#gates.get(scope)?.explain(exchange);
  }

  stop(): void {}
}

/** The gate of one scope. */
class TokenGate {
  readonly #rules: TokenRules;
  readonly #verifier: Verifier;
  readonly #clock: { readonly now: number };
  readonly #counters: { readonly allowed: Counter; readonly denied: Counter };
  readonly #missing: Refusal;
  readonly #invalid: Refusal;
  /** Names that the client's own fields are not sent under. */
  readonly #owned: readonly string[];
  readonly #claims: readonly (readonly [name: string, claim: string])[];

  constructor(
    rules: TokenRules,
    verifier: Verifier,
    clock: { readonly now: number },
    counters: { readonly allowed: Counter; readonly denied: Counter },
  ) {
    this.#rules = rules;
    this.#verifier = verifier;
    this.#clock = clock;
    this.#counters = counters;
    this.#missing = challenge(`Bearer realm="${rules.realm}"`);
    // RFC 6750 section 3.1.
    this.#invalid = challenge(`Bearer realm="${rules.realm}", error="invalid_token"`);
    this.#claims = Object.entries(rules.claim_headers)
      .map(([name, claim]) => [name.toLowerCase(), claim]);
    this.#owned = [
      ...this.#claims.map(([name]) => name),
      ...(rules.forward_token ? [] : ["authorization"]),
    ];
  }

  /** The step. Waits only for a token that was not seen before. */
  readonly authenticate: Step = (exchange) => {
    const { request } = exchange;
    const repeated = this.#verifier.ofRepeated(request, this.#clock.now);
    if (repeated !== undefined) return this.#allow(exchange, repeated);
    const token = tokenOf(exchange, this.#rules.cookie);
    if (token === undefined) return this.#deny(exchange, this.#missing);
    if (token === BROKEN) return this.#deny(exchange, this.#invalid);
    const known = this.#verifier.of(token, request, this.#clock);
    if (known instanceof Promise) return this.#judge(exchange, known);
    this.#allow(exchange, known);
  };

  /** For `fluxheim explain`. */
  explain(exchange: Exchange): string {
    const token = tokenOf(exchange, this.#rules.cookie);
    if (token === undefined) return "401: asks for a token";
    return token === BROKEN
      ? "401: what is there is not one token"
      : `verifies the token by ${this.#rules.keys_file}`;
  }

  async #judge(exchange: Exchange, known: Promise<Known | undefined>): Promise<void> {
    const found = await known;
    if (exchange.aborted) return;
    if (found === undefined) this.#deny(exchange, this.#invalid);
    else this.#allow(exchange, found);
  }

  #allow(exchange: Exchange, { claims }: Known): void {
    this.#counters.allowed.count();
    if (this.#owned.length === 0) return;
    const fields: (readonly [string, string])[] = [];
    for (const [name, claim] of this.#claims) {
      const text = fieldText(claims[claim]);
      if (text !== "") fields.push([name, text]);
    }
    authorizeFields(exchange, this.#owned, fields);
  }

  #deny(exchange: Exchange, refusal: Refusal): void {
    this.#counters.denied.count();
    refuse(exchange, refusal);
  }
}

function challenge(value: string): Refusal {
  return {
    status: 401,
    text: "unauthorized",
    cause: "auth_jwt",
    fields: [["www-authenticate", value]],
  };
}

/** A claim as the value of a field: texts and numbers, in UTF-8, and nothing that ends a line. */
function fieldText(claim: unknown): string {
  if (typeof claim !== "string" && typeof claim !== "number" && typeof claim !== "boolean") {
    return "";
  }
  let text = "";
  for (const byte of new TextEncoder().encode(String(claim))) {
    if (byte > 31 && byte !== 127) text += String.fromCharCode(byte);
  }
  return text;
}
