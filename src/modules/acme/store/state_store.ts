/**
 * What is known of a managed certificate beside the certificate: failures, when it may be tried again, an order that is
 * under way. On disk, so that a process that is started again and again asks its issuer no more than one that runs.
 *
 * @module
 */
import { keyIn } from "../client/certificate_key.ts";
import { segmentOf } from "../storage_names.ts";
import { lookAt, putFile, readIfThere, setAside } from "./files.ts";

const MAX_BYTES = 64 * 1024;
const MODE = 0o600;
const MAX_ERROR_CHARS = 600;

/** An order that has not come to its end. */
export interface BegunOrder {
  readonly url: string;
  /** Of the certificate: PKCS #8, DER in base64url. */
  readonly key: string;
}

/** When an issuer wants a certificate to be renewed (RFC 9773); times in seconds since 1970. */
export interface RenewalInfo {
  /** Of the certificate it is about. */
  readonly id: string;
  /** Moment in the issuer's window that was drawn. */
  readonly renewAt: number;
  /** When to ask again. */
  readonly askAt: number;
  /** Why, in the issuer's words. */
  readonly explanation: string;
}

/** All of it; times in seconds since 1970. */
export interface TargetState {
  readonly failures: number;
  readonly lastAttempt: number;
  /** Not before then. */
  readonly nextAttempt: number;
  /** `""` after a success. */
  readonly lastError: string;
  readonly lastIssued: number;
  readonly order?: BegunOrder;
  readonly info?: RenewalInfo;
}

/** Of a certificate that was never tried for. */
export const NEW_STATE: TargetState = {
  failures: 0,
  lastAttempt: 0,
  nextAttempt: 0,
  lastError: "",
  lastIssued: 0,
};

/** The state of one certificate. */
export class StateStore {
  readonly #path: string;
  readonly #names: string;
  readonly #issuer: string;

  constructor(storage: string, vhost: string, domains: readonly string[], issuer: string) {
    this.#path = `${storage}/state/${segmentOf(vhost)}.json`;
    this.#names = domains.join(" ");
    this.#issuer = issuer;
  }

  /** For other names and another issuer everything begins anew. A file that cannot be read is as good as none. */
  load(): TargetState {
    const stored = this.#read();
    if (stored?.names !== this.#names || stored.issuer !== this.#issuer) return NEW_STATE;
    const number = (key: string) => {
      const value = stored[key];
      return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : 0;
    };
    return {
      failures: Math.min(number("failures"), 1_000_000),
      lastAttempt: number("lastAttempt"),
      nextAttempt: number("nextAttempt"),
      lastError: typeof stored.lastError === "string" ? stored.lastError : "",
      lastIssued: number("lastIssued"),
      ...orderIn(stored.order),
      ...infoIn(stored.info),
    };
  }

  /** Keeps it. */
  save(state: TargetState): void {
    const lastError = state.lastError.slice(0, MAX_ERROR_CHARS);
    const whole = { version: 1, names: this.#names, issuer: this.#issuer, ...state, lastError };
    putFile(this.#path, new TextEncoder().encode(`${JSON.stringify(whole)}\n`), MODE);
  }

  /**
   * Sets a damaged file aside: its failures and its order are lost, and that is to be seen.
   *
   * @returns Where it is, if it was damaged.
   */
  quarantine(): string | undefined {
    return this.#read() === undefined && lookAt(this.#path) !== undefined
      ? setAside(this.#path)
      : undefined;
  }

  #read(): Readonly<Record<string, unknown>> | undefined {
    try {
      const content = readIfThere(this.#path, MAX_BYTES);
      if (content === undefined) return undefined;
      const value: unknown = JSON.parse(new TextDecoder().decode(content));
      return typeof value === "object" && value !== null
        ? value as Record<string, unknown>
        : undefined;
    } catch {
      return undefined;
    }
  }
}

function orderIn(value: unknown): Pick<TargetState, "order"> {
  if (typeof value !== "object" || value === null) return {};
  const { url, key } = value as Record<string, unknown>;
  return typeof url === "string" && typeof key === "string" && isKey(key)
    ? { order: { url, key } }
    : {};
}

/** An order is of no use without the key that it was made for. */
function isKey(pkcs8: string): boolean {
  try {
    keyIn(pkcs8);
    return true;
  } catch {
    return false;
  }
}

function infoIn(value: unknown): Pick<TargetState, "info"> {
  if (typeof value !== "object" || value === null) return {};
  const { id, renewAt, askAt, explanation } = value as Record<string, unknown>;
  if (typeof id !== "string" || typeof renewAt !== "number" || typeof askAt !== "number") return {};
  return { info: { id, renewAt, askAt, explanation: String(explanation ?? "") } };
}
