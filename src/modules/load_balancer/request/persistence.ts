/** Persistence: clients stay with the member that they had (spec 03 section 9). @module */
import type { ClientRequest } from "../../../http/client.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import type { Call } from "../../../gateway/origin.ts";
import { Slot } from "../../../gateway/exchange/slot.ts";
import type { Member } from "../member.ts";
import { cookieKey, fieldsOf, type KeyOf, keyOf } from "./request_key.ts";
import type { PersistenceConfig } from "../schema.ts";
import { type Secrets, TOKEN_KEY_BYTES } from "../care/secrets.ts";
import type { SessionMember, Sessions } from "../memory/session_memory.ts";

/** The cookie that an answer is to set; of several selections the last one counts. */
const COOKIE = new Slot("");

/** What {@linkcode Persistence} works with. */
export interface PersistenceOptions {
  readonly config: PersistenceConfig;
  readonly sessions: Sessions;
  readonly secrets: Secrets;
  /** Seconds on the shared clock. */
  readonly nowSecs: () => number;
}

/** The sessions of one pool's clients. */
export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #keyOf: KeyOf;
  readonly #attributes: string;
  readonly isManaged: boolean;

  constructor(options: PersistenceOptions) {
    this.#options = options;
    const { config } = options;
    this.isManaged = config.mode === "managed-cookie";
    const sources = { "source-ip": "source", header: "header", cookie: "cookie" } as const;
    this.#keyOf = config.mode === "managed-cookie"
      ? (request, call) => this.#managedKey(request, call)
      : keyOf(sources[config.mode], config);
    this.#attributes = attributesOf(config);
  }

  get sessions(): Sessions {
    return this.#options.sessions;
  }

  /** What the client of a request is known by; `""` for nothing. */
  keyOf(request: ClientRequest, call: Call): string {
    return this.#keyOf(request, call);
  }

  /** The member that the client had. */
  find(key: string): SessionMember | undefined {
    return this.#options.sessions.find(key, this.#options.nowSecs());
  }

  /** Remembers the member that a client was given. One without a key gets a cookie, where those are ours. */
  keep(key: string, member: Member, exchange: Exchange | undefined): void {
    const { config, sessions, nowSecs } = this.#options;
    let known = key;
    if (known === "") {
      if (!this.isManaged || exchange === undefined) return;
      const made = crypto.getRandomValues(new Uint8Array(TOKEN_KEY_BYTES));
      known = textOf(made);
      COOKIE.set(exchange, this.#cookie(made));
    }
    sessions.put(known, member, nowSecs(), config.ttl_secs);
  }

  #managedKey(request: ClientRequest, call: Call): string {
    const { config: { cookie = "" }, secrets, nowSecs } = this.#options;
    const token = cookieKey(fieldsOf(request, call), cookie);
    if (token === "") return "";
    const key = secrets.verified(cookie, token, nowSecs());
    return key === undefined ? "" : textOf(key);
  }

  #cookie(key: Uint8Array): string {
    const { config: { cookie = "" }, secrets, nowSecs } = this.#options;
    return `${cookie}=${secrets.token(cookie, key, nowSecs())}${this.#attributes}`;
  }
}

/** Adds the cookie of a new session to its answer, after the header policy and past every cache. */
export function setCookie(exchange: Exchange): void {
  const cookie = COOKIE.of(exchange);
  if (cookie === "" || exchange.status < 200 || exchange.status > 399) return;
  exchange.response.append("set-cookie", cookie);
}

function attributesOf(config: PersistenceConfig): string {
  const parts = [`Path=${config.managed_cookie_path ?? "/"}`];
  if (config.managed_cookie_domain !== undefined) {
    parts.push(`Domain=${config.managed_cookie_domain}`);
  }
  parts.push(`Max-Age=${config.managed_cookie_max_age_secs ?? config.ttl_secs}`);
  if (config.managed_cookie_http_only) parts.push("HttpOnly");
  if (config.managed_cookie_secure) parts.push("Secure");
  const sameSite = { strict: "Strict", lax: "Lax", none: "None" };
  parts.push(`SameSite=${sameSite[config.managed_cookie_same_site]}`);
  return parts.map((part) => `; ${part}`).join("");
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
