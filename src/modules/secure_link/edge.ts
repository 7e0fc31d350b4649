/** Signed links at work. @module */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { ByScope } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { type LinkRules, rulesOf, secretIn } from "./table.ts";

const FORBIDDEN: Refusal = { status: 403, text: "forbidden", cause: "secure_link" };
const EXPIRED: Refusal = { status: 410, text: "link expired", cause: "secure_link" };

const DIGEST_BYTES = 32;
/** A time with more digits is no time of this planet. */
const EXPIRES = /^[0-9]{1,12}$/;
const SIGNATURE = /^[A-Za-z0-9_-]{43}$/;

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "secure-link",
  open: () => ({ start: (snapshot) => new LinkGates(snapshot) }),
};

class LinkGates implements RunningModule {
  readonly #gates = new ByScope<LinkGate>();

  constructor(readonly context: SnapshotContext) {}

  plan(scope: RouteScope): Steps | undefined {
    const rules = rulesOf(scope);
    if (rules === undefined) return undefined;
    const secret = secretIn(this.context.files.get(rules.secret_file) ?? new Uint8Array(0));
    if (secret === undefined) throw new Error(`${rules.secret_file} is too short`);
    const gate = new LinkGate(rules, secret);
    this.#gates.set(scope, gate);
    return { authenticate: (exchange) => gate.authenticate(exchange) };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    const gate = this.#gates.get(scope);
    if (gate === undefined) return undefined;
    const refusal = gate.refusalOf(exchange);
    return refusal === undefined ? "the link is signed" : `${refusal.status}: ${refusal.text}`;
  }

  stop(): void {}
}

/** The gate of one scope. */
class LinkGate {
  constructor(readonly rules: LinkRules, readonly secret: Uint8Array) {}

  authenticate(exchange: Exchange): void {
    const refusal = this.refusalOf(exchange);
    if (refusal !== undefined) refuse(exchange, refusal);
  }

  refusalOf({ path, query }: Exchange): Refusal | undefined {
    if (query === undefined) return FORBIDDEN;
    const expires = onlyParameter(query, this.rules.expires_parameter);
    const signature = onlyParameter(query, this.rules.signature_parameter);
    if (expires === undefined || signature === undefined) return FORBIDDEN;
    if (!EXPIRES.test(expires) || !SIGNATURE.test(signature)) return FORBIDDEN;
    const right = createHmac("sha256", this.secret).update(`${path}\n${expires}`).digest();
    const given = Buffer.from(signature, "base64url");
    if (given.length !== DIGEST_BYTES || !timingSafeEqual(right, given)) return FORBIDDEN;
    return Number(expires) * 1000 < Date.now() ? EXPIRED : undefined;
  }
}

/** The value of a parameter as it is; `undefined` where there is none, or more than one. */
function onlyParameter(query: string, name: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at <= query.length;) {
    const ampersand = query.indexOf("&", at);
    const end = ampersand < 0 ? query.length : ampersand;
    if (query.startsWith(name, at) && query[at + name.length] === "=") {
      if (found !== undefined) return undefined;
      found = query.slice(at + name.length + 1, end);
    }
    at = end + 1;
  }
  return found;
}
