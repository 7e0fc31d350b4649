/**
 * The client of an OTLP collector: posts JSON over a kept connection, within a time limit, and says when to
 * come again. Nothing waits for it but its own service.
 *
 * @module
 */
import type { CollectorConfig } from "./endpoint.ts";

/** How a post ended. */
export type Outcome =
  /** The collector has it. */
  | { readonly kind: "success" }
  /** It will never take it. */
  | { readonly kind: "failure"; readonly reason: string }
  /** It may take it later, not before `afterMs`. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs: number };

/** Statuses after which the protocol has a client come again. */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Most of `Retry-After` that is obeyed. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Most of an answer that is read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** One collector. */
export class Collector {
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #client: Deno.HttpClient;

  /** @param ca Authorities to verify it by in place of the system's, PEM. */
  constructor({ endpoint, timeout_secs }: CollectorConfig, ca: Uint8Array | undefined) {
    this.#endpoint = endpoint;
    this.#timeoutMs = timeout_secs * 1000;
    this.#client = Deno.createHttpClient({
      ...(ca === undefined ? {} : { caCerts: [new TextDecoder().decode(ca)] }),
      poolMaxIdlePerHost: 1,
    });
  }

  /** Posts one message. Never rejects. */
  async post(body: string, timeoutMs = this.#timeoutMs): Promise<Outcome> {
    try {
      const response = await fetch(this.#endpoint, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
        client: this.#client,
      });
      await drain(response);
      const { status, headers } = response;
      if (status >= 200 && status < 300) return { kind: "success" };
      const reason = `it answered ${status}`;
      if (!RETRIED.has(status)) return { kind: "failure", reason };
      return { kind: "retry", reason, afterMs: retryAfterMs(headers.get("retry-after")) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "retry", reason, afterMs: 0 };
    }
  }

  /** Closes its connection. */
  close(): void {
    this.#client.close();
  }
}

/** Reads an answer to its end, so that its connection can be used again; one that is too large is cancelled. */
async function drain({ body }: Response): Promise<void> {
  if (body === null) return;
  let size = 0;
  // Leaving the loop cancels the rest.
  for await (const { length } of body) if ((size += length) > MAX_ANSWER_BYTES) break;
}

function retryAfterMs(value: string | null): number {
  if (value === null) return 0;
  const seconds = /^\d{1,6}$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), MAX_RETRY_AFTER_MS) : 0;
}

/** Pauses between attempts: doubled up to a bound, each shortened at random so that clients spread. */
export class Pauses {
  #failures = 0;

  /** It worked. */
  reset(): void {
    this.#failures = 0;
  }

  /** How long to wait, of at least `afterMs`. */
  next(afterMs: number): number {
    const full = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, MAX_PAUSE_MS);
    this.#failures = Math.min(this.#failures + 1, 16);
    return Math.max(afterMs, full / 2 + Math.random() * full / 2);
  }
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
