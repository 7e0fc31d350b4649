/**
 * Requests to one issuer (RFC 8555 section 6): signed, with a nonce each, over HTTPS, bounded in time and size.
 * Every address that an issuer names has to be on the host of its directory, the only one that the process may
 * connect to; it is asked for its directory anew with every attempt.
 *
 * @module
 */
import { VERSION } from "../../../gateway/exchange/version.ts";
import { AcmeError, OversizedAnswer, problemIn, shown } from "./acme_error.ts";
import type { AccountKey, JwsHeader } from "./jose.ts";

/** Time for one answer. */
const ANSWER_MS = 30_000;
/** Most of an answer, certificates included. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Nonces that are kept: each answer brings one. */
const MAX_NONCES = 8;
/** Attempts of one request whose nonces the issuer did not like. */
const MAX_NONCE_ATTEMPTS = 8;
/** Longest `Retry-After` that is obeyed as it is. */
const MAX_RETRY_MS = 7 * 86_400_000;
const MAX_URL_CHARS = 2048;

/** An issuer's directory, as far as it is used. */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert?: string;
  readonly keyChange?: string;
  readonly renewalInfo?: string;
  readonly externalAccountRequired: boolean;
  readonly termsOfService?: string;
}

/** An answer that is not a problem. */
export interface Answer {
  readonly status: number;
  /** Of JSON; `undefined` for another type. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  readonly location: string | undefined;
  /** When to ask again at the earliest, in milliseconds since 1970; 0 where that was not said. */
  readonly retryAt: number;
}

/** Who signs: an account, or a key that is to become one. */
export interface Signer {
  readonly key: AccountKey;
  /** URL of the account. */
  readonly id?: string;
}

/** What a client works with. */
export interface ClientOptions {
  readonly directoryUrl: string;
  /** Authorities to verify the issuer by, PEM, in place of the system's. */
  readonly ca?: string;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/** A client for one attempt. */
export class IssuerClient {
  readonly #options: ClientOptions;
  readonly #client: Deno.HttpClient;
  readonly #nonces: string[] = [];
  #directory: Directory | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { ca } = options;
    this.#client = Deno.createHttpClient({
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      poolMaxIdlePerHost: 1,
    });
  }

  /** Closes its connection. */
  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** Asks for the directory, once a client. */
  async directory(): Promise<Directory> {
    if (this.#directory !== undefined) return this.#directory;
    const { json } = await this.get(this.#options.directoryUrl);
    if (json === undefined) throw new AcmeError("its directory is not JSON");
    const { newNonce, newAccount, newOrder, revokeCert, keyChange, renewalInfo, meta } = json;
    const own = (value: unknown, name: string) => this.#ownUrl(value, `${name} of its directory`);
    const { externalAccountRequired, termsOfService } = tableOf(meta);
    return this.#directory = {
      newNonce: own(newNonce, "newNonce"),
      newAccount: own(newAccount, "newAccount"),
      newOrder: own(newOrder, "newOrder"),
      revokeCert: revokeCert === undefined ? undefined : own(revokeCert, "revokeCert"),
      keyChange: keyChange === undefined ? undefined : own(keyChange, "keyChange"),
      renewalInfo: renewalInfo === undefined ? undefined : own(renewalInfo, "renewalInfo"),
      externalAccountRequired: externalAccountRequired === true,
      termsOfService: typeof termsOfService === "string" ? termsOfService : undefined,
    };
  }

  /** Asks for something public. */
  get(url: string): Promise<Answer> {
    return this.#request(this.#ownUrl(url, "an address"), { method: "GET" });
  }

  /**
   * Sends a signed message, again with another nonce where the issuer did not like one.
   *
   * @param payload `""` asks for a resource without changing it.
   */
  async post(url: string, payload: unknown, { key, id }: Signer): Promise<Answer> {
    const target = this.#ownUrl(url, "an address");
    for (let attempt = 1;; attempt++) {
      const nonce = this.#nonces.pop() ?? await this.#newNonce();
      const who: JwsHeader = id === undefined ? { jwk: key.jwk } : { kid: id };
      const body = JSON.stringify(key.sign({ ...who, nonce, url: target }, payload));
      const headers = { "content-type": "application/jose+json" };
      try {
        return await this.#request(target, { method: "POST", headers, body });
      } catch (error) {
        const isBadNonce = error instanceof AcmeError && error.type === "badNonce";
        if (!isBadNonce || attempt === MAX_NONCE_ATTEMPTS) throw error;
      }
    }
  }

  /** An address that the issuer has sent, if it may be asked. */
  #ownUrl(value: unknown, what: string): string {
    if (typeof value !== "string" || value.length > MAX_URL_CHARS || !URL.canParse(value)) {
      throw new AcmeError(`${what} is not a URL`);
    }
    const { host, protocol } = new URL(value);
    const own = new URL(this.#options.directoryUrl);
    if (protocol === own.protocol && host === own.host) return value;
    throw new AcmeError(
      `${what} is on ${
        shown(`${protocol}//${host}`)
      }, and this process may connect to ${own.host} alone`,
    );
  }

  async #newNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    await this.#request(newNonce, { method: "HEAD" });
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw new AcmeError("it has sent no nonce");
    return nonce;
  }

  async #request(url: string, init: RequestInit): Promise<Answer> {
    const response = await this.#fetch(url, init);
    const nonce = response.headers.get("replay-nonce");
    if (
      nonce !== null && /^[A-Za-z0-9_-]{1,256}$/.test(nonce) && this.#nonces.length < MAX_NONCES
    ) {
      this.#nonces.push(nonce);
    }
    const text = await textOf(response);
    const { status, headers } = response;
    const type = headers.get("content-type") ?? "";
    const json = /^application\/(problem\+)?json\b/i.test(type) ? tableIn(text) : undefined;
    const retryAt = retryTime(headers.get("retry-after"));
    if (status >= 200 && status < 300) {
      return { status, json, text, location: headers.get("location") ?? undefined, retryAt };
    }
    if (status >= 300 && status < 400) {
      throw new AcmeError(`it redirects to another address (${status}), which is not followed`);
    }
    const problem = problemIn(json);
    const words = [problem.type, problem.detail].filter((word) => word !== "").join(": ");
    const message = words === "" ? `it has answered ${status}` : `${words} (${status})`;
    throw new AcmeError(message, problem.type, status, retryAt);
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const limit = AbortSignal.timeout(ANSWER_MS);
    const { signal } = this.#options;
    try {
      return await fetch(url, {
        ...init,
        headers: { ...init.headers, "user-agent": `fluxheim/${VERSION}` },
        redirect: "manual",
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        client: this.#client,
      });
    } catch (error) {
      if (signal?.aborted === true) throw new AcmeError("the gateway is stopping");
      if (limit.aborted) throw new AcmeError(`it has not answered in ${ANSWER_MS / 1000} s`);
      throw new AcmeError(`it cannot be asked: ${reasonOf(error)}`);
    }
  }
}

/** The runtime has the cause in an error of its own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return shown(cause instanceof Error ? `${error.message}: ${cause.message}` : error.message);
}

async function textOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    // Leaving the loop cancels the rest.
    for await (const chunk of body) {
      if ((size += chunk.length) > MAX_ANSWER_BYTES) {
        throw new OversizedAnswer(`its answer has more than ${MAX_ANSWER_BYTES} bytes`);
      }
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (error instanceof AcmeError) throw error;
    throw new AcmeError(`its answer broke off: ${reasonOf(error)}`);
  }
  return text + decoder.decode();
}

function tableIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** RFC 9110 section 10.2.3. */
function retryTime(value: string | null): number {
  if (value === null) return 0;
  const now = Date.now();
  const at = /^\d{1,9}$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isFinite(at) ? Math.min(Math.max(at, now), now + MAX_RETRY_MS) : 0;
}
