/** The step that asks for a name and a password. @module */
import type { Calls } from "../../gateway/threads/calls.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { Step } from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { authorizeFields } from "../headers/edge.ts";
import { authorizationOf, credentialsIn } from "./credentials.ts";
import { type Guard, VERIFY_MS } from "./table.ts";
import type { Verdicts } from "./verdicts.ts";

/** What a gate works with. */
export interface GateContext {
  readonly service: Calls;
  readonly verdicts: Verdicts;
  readonly clock: { readonly now: number };
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly failed: Counter;
}

const BUSY: Refusal = {
  status: 503,
  text: "too many logins at once",
  cause: "auth_basic",
  fields: [["retry-after", "5"]],
};

/** The gate of one scope. */
export class PasswordGate {
  readonly #guard: Guard;
  readonly #context: GateContext;
  readonly #challenge: Refusal;
  /** Questions on their way, by digest: a page asks for all its files at once. */
  readonly #asked = new Map<string, Promise<Plain>>();

  constructor(guard: Guard, context: GateContext) {
    this.#guard = guard;
    this.#context = context;
    this.#challenge = {
      status: 401,
      text: "unauthorized",
      cause: "auth_basic",
      fields: [["www-authenticate", `Basic realm="${guard.realm}", charset="UTF-8"`]],
    };
  }

  /** The step. Waits only where the service has to be asked. */
  readonly authenticate: Step = (exchange) => {
    const { verdicts, clock } = this.#context;
    const repeated = verdicts.ofRepeated(exchange.request, clock.now);
    if (repeated !== undefined) return this.#allow(exchange, repeated.user);
    const authorization = authorizationOf(exchange);
    if (authorization === undefined) return this.#deny(exchange);
    const digest = verdicts.digest(authorization);
    const known = verdicts.of(digest, exchange.request, clock.now);
    if (known !== undefined) return this.#allow(exchange, known.user);
    const credentials = credentialsIn(authorization);
    if (credentials === undefined) return this.#deny(exchange);
    return this.#ask(exchange, digest, credentials);
  };

  /** For `fluxheim explain`. */
  explain(exchange: Exchange): string {
    const { users_file: file } = this.#guard;
    const authorization = authorizationOf(exchange);
    return authorization === undefined || credentialsIn(authorization) === undefined
      ? `401: asks for a name and a password of ${file}`
      : `looks the name and the password up in ${file}`;
  }

  async #ask(
    exchange: Exchange,
    digest: string,
    { user, password }: { readonly user: string; readonly password: string },
  ): Promise<void> {
    const { verdicts, clock } = this.#context;
    const source = exchange.clientAddress;
    const { generation } = verdicts;
    // One client's failures must not be counted as another's, and a question to the previous file is none to this one.
    const key = `${generation} ${digest} ${source}`;
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#verify({ file: this.#guard.users_file, user, password, source });
      this.#asked.set(key, asked);
      void asked.finally(() => this.#asked.delete(key));
    }
    const { verdict, secs } = tableIn(await asked);
    if (exchange.aborted) return;
    switch (verdict) {
      case "right":
        verdicts.remember(digest, user, clock.now, generation);
        return this.#allow(exchange, user);
      case "wrong":
        return this.#deny(exchange);
      case "throttled":
        this.#context.denied.count();
        return refuse(exchange, {
          status: 429,
          text: "too many failed logins",
          cause: "auth_basic",
          fields: [["retry-after", String(typeof secs === "number" ? secs : 1)]],
        });
      default:
        this.#context.failed.count();
        return refuse(exchange, BUSY);
    }
  }

  async #verify(question: { [key: string]: Plain }): Promise<Plain> {
    const outcome = await this.#context.service.call("verify", question, VERIFY_MS);
    return outcome.kind === "answer" ? outcome.value : { verdict: "busy" };
  }

  #allow(exchange: Exchange, user: string): void {
    const { user_header: header, forward_authorization: forwards } = this.#guard;
    this.#context.allowed.count();
    authorizeFields(
      exchange,
      [...(header === undefined ? [] : [header]), ...(forwards ? [] : ["authorization"])],
      header === undefined ? [] : [[header, fieldText(user)]],
    );
  }

  #deny(exchange: Exchange): void {
    this.#context.denied.count();
    refuse(exchange, this.#challenge);
  }
}

/** A name as the value of a field: UTF-8, a byte a character, and nothing that ends a line. */
function fieldText(user: string): string {
  let text = "";
  for (const byte of new TextEncoder().encode(user)) {
    if (byte > 31 && byte !== 127) text += String.fromCharCode(byte);
  }
  return text;
}

function tableIn(value: Plain): { readonly [key: string]: Plain } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Uint8Array)
    ? value as { readonly [key: string]: Plain }
    : {};
}
