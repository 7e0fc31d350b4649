/**
 * OpenBao's transit engine over HTTP (spec 04 section 8.3): one bounded question a message, over kept
 * connections, without redirects, with the certificate verified.
 *
 * @module
 */
import { BytesBody, readAll } from "../../../http/body.ts";
import { ClientError, ClientRequest } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import type { Clock } from "../../../net/clock.ts";
import {
  BoundedCall,
  type Endpoint,
  endpointOf,
  Upstream,
  UpstreamPool,
} from "../../proxy/edge.ts";
import type { Transit } from "../store/formats/transit_seal.ts";
import { lstat } from "../store/object_reader.ts";
import type { Secret } from "../table.ts";

const CONNECT_MS = 2_000;
const CALL_MS = 10_000;
const MAX_CALLS = 32;
const IDLE_MS = 60_000;
const MAX_TOKEN_BYTES = 4096;
/** How often the token is read again because it was refused. */
const REREAD_MS = 60_000;
/** Most bytes of an answer, whatever is asked. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
/** How often it is logged that the engine is not there. */
const WARN_MS = 60_000;

/** Where the engine is and what it is asked with. */
export interface OpenBaoOptions {
  readonly address: string;
  readonly mount: string;
  readonly keyName: string;
  readonly token: Secret;
  /** PEM roots that replace the platform's. */
  readonly roots: string | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A transit engine. */
export class OpenBao implements Transit {
  readonly #options: OpenBaoOptions;
  readonly #endpoint: Endpoint;
  readonly #pool: UpstreamPool;
  readonly #upstream: Upstream;
  #calls = 0;
  readonly #waiting: (() => void)[] = [];
  #token: { readonly text: string; readonly identity: string } | undefined;
  #rereadAt = -Infinity;
  #warnedAt = -Infinity;

  constructor(options: OpenBaoOptions) {
    this.#options = options;
    const endpoint = this.#endpoint = endpointOf(options.address);
    const { host, port, tls } = endpoint;
    this.#pool = new UpstreamPool({
      name: "transit engine of the cache",
      log: options.log,
      target: {
        host,
        port,
        version: "http1",
        proxyProtocol: "off",
        connectTimeoutMs: CONNECT_MS,
        totalConnectTimeoutMs: CONNECT_MS,
        tls: tls
          ? {
            serverName: host,
            verifyChain: true,
            verifyNames: [host],
            roots: options.roots,
            client: undefined,
          }
          : undefined,
      },
      timeouts: { readMs: 0, sendMs: 0, idleMs: IDLE_MS },
      clock: options.clock,
      maxIdle: MAX_CALLS,
      maxStreams: 1,
      pingIntervalMs: 0,
    });
    const rules = { name: this.#pool.options.name, maxRetries: 0, log: undefined };
    this.#upstream = new Upstream(this.#pool, rules);
  }

  async encrypt(plaintext: string, associatedData: string): Promise<string> {
    const answer = await this.#ask("encrypt", { plaintext, associated_data: associatedData });
    const ciphertext = answer.status === 200 ? textIn(answer.body, "ciphertext") : undefined;
    if (ciphertext === undefined || !/^vault:v[0-9]+:[A-Za-z0-9+/=]+$/.test(ciphertext)) {
      throw new Error(`the transit engine does not encrypt: status ${answer.status}`);
    }
    return ciphertext;
  }

  async decrypt(
    ciphertext: string,
    associatedData: string,
  ): Promise<{ readonly plaintext: string } | "unavailable" | "refused"> {
    try {
      const { status, body } = await this.#ask("decrypt", {
        ciphertext,
        associated_data: associatedData,
      });
      if (status === 403 || status < 200 || status >= 500) {
        this.#warn(`it answered ${status}`);
        return "unavailable";
      }
      const plaintext = status === 200 ? textIn(body, "plaintext") : undefined;
      return plaintext === undefined ? "refused" : { plaintext };
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error));
      return "unavailable";
    }
  }

  close(): void {
    this.#pool.close();
  }

  async #ask(
    verb: "encrypt" | "decrypt",
    input: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: Uint8Array }> {
    if (this.#calls >= MAX_CALLS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#calls++;
    const { clock, mount, keyName } = this.#options;
    const call = new BoundedCall(undefined, clock.now + CALL_MS);
    clock.watch(call);
    try {
      const bytes = new TextEncoder().encode(JSON.stringify(input));
      const base = this.#endpoint.path.replace(/\/$/, "");
      const target = `${base}/v1/${segments(mount)}/${verb}/${encodeURIComponent(keyName)}`;
      const fields = Fields.of(
        ["x-vault-token", this.#tokenNow()],
        ["accept", "application/json"],
        ["content-type", "application/json"],
      );
      const { tls, authority } = this.#endpoint;
      const response = await this.#upstream.fetch(
        new ClientRequest(
          "POST",
          target,
          tls ? "https" : "http",
          authority,
          fields,
          new BytesBody(bytes),
          undefined,
        ),
        call,
      );
      const { status, body } = response;
      if (status === 403) this.#refused();
      if (body === undefined) return { status, body: new Uint8Array(0) };
      call.onAbort = () => body.cancel();
      const answer = await readAll(body, Math.min(2 * bytes.length + 4096, MAX_ANSWER_BYTES));
      if (answer === undefined) throw new ClientError("response", "its answer is too large");
      return { status, body: answer };
    } finally {
      clock.unwatch(call);
      this.#calls--;
      this.#waiting.shift()?.();
    }
  }

  /** The token; read again when its file is another one. @throws When there is none. */
  #tokenNow(): string {
    const { paths } = this.#options.token;
    const path = paths.find((path) => lstat(path) !== undefined) ?? paths[0];
    const stats = lstat(path);
    if (stats === undefined || !stats.isFile || stats.isSymlink || stats.size > MAX_TOKEN_BYTES) {
      throw new Error("the token file of the transit engine cannot be read");
    }
    const identity = `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtime?.getTime()}`;
    if (this.#token?.identity === identity) return this.#token.text;
    const text = Deno.readTextFileSync(path).trim();
    if (text === "" || /[^!-~]/.test(text)) {
      throw new Error("the token file of the transit engine holds no token");
    }
    this.#token = { text, identity };
    return text;
  }

  /** An agent may have renewed the token in place. */
  #refused(): void {
    if (performance.now() - this.#rereadAt < REREAD_MS) return;
    this.#rereadAt = performance.now();
    this.#token = undefined;
  }

  #warn(reason: string): void {
    if (performance.now() - this.#warnedAt < WARN_MS) return;
    this.#warnedAt = performance.now();
    this.#options.log.log(
      "warn",
      "fluxheim::cache",
      `the transit engine cannot be used, objects on disk are missed: ${reason}`,
    );
  }
}

function segments(label: string): string {
  return label.split("/").map(encodeURIComponent).join("/");
}

/** `data.<name>` of an answer. */
function textIn(body: Uint8Array, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    const data: unknown = typeof value === "object" && value !== null
      ? Object.getOwnPropertyDescriptor(value, "data")?.value
      : undefined;
    const text: unknown = typeof data === "object" && data !== null
      ? Object.getOwnPropertyDescriptor(data, name)?.value
      : undefined;
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
