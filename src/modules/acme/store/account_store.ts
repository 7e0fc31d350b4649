/**
 * The account at an issuer on disk (spec 05 section 6.5), in the form of 1.5, so that its stores keep working: URL,
 * key as PKCS #8 in base64url, directory.
 *
 * @module
 */
import { segmentOf } from "../storage_names.ts";
import { AccountKey } from "../client/jose.ts";
import { putFile, readIfThere, removeIfThere, setAside } from "./files.ts";

const MAX_BYTES = 32 * 1024;
const MODE = 0o600;

/** An account that an issuer knows. */
export interface Account {
  readonly key: AccountKey;
  /** Its URL. */
  readonly id: string;
}

/** The account of one issuer. */
export class AccountStore {
  readonly #path: string;
  readonly #draft: string;
  readonly #limit: string;
  readonly #next: string;
  readonly #ending: string;

  constructor(storage: string, issuer: string, readonly directoryUrl: string) {
    const directory = `${storage}/accounts/${segmentOf(issuer)}`;
    this.#path = `${directory}/credentials.json`;
    this.#draft = `${directory}/pending-key.json`;
    this.#limit = `${directory}/limit.json`;
    this.#next = `${directory}/next-key.json`;
    this.#ending = `${directory}/deactivating.json`;
  }

  /**
   * The account; `undefined` where there is none yet, and where it belongs to another directory.
   *
   * @throws {Error} When the file cannot be used: a new account in its place would be against the issuer's limits.
   */
  load(): Account | undefined {
    const stored = tableAt(this.#path);
    if (stored === undefined) return undefined;
    const { id, key_pkcs8: pkcs8, directory } = stored;
    if (typeof directory === "string" && directory !== this.directoryUrl) return undefined;
    if (typeof id !== "string" || typeof pkcs8 !== "string") {
      throw new Error(`${this.#path} has no account in it`);
    }
    return { id, key: AccountKey.of(pkcs8) };
  }

  /**
   * The key of an account that is about to be made. It is on the disk before the issuer hears of it, so that a process
   * that dies between the two finds its account again.
   */
  draft(): AccountKey {
    try {
      const pkcs8 = tableAt(this.#draft)?.key_pkcs8;
      if (typeof pkcs8 === "string") return AccountKey.of(pkcs8);
    } catch {
      // No account is known by it.
      setAside(this.#draft);
    }
    const key = AccountKey.generate();
    put(this.#draft, { key_pkcs8: key.pkcs8 });
    return key;
  }

  /** Keeps an account. */
  save({ id, key }: Account): void {
    put(this.#path, { id, key_pkcs8: key.pkcs8, directory: this.directoryUrl });
    removeIfThere(this.#draft);
  }

  /** The key that is to replace that of the account; on the disk before the issuer hears of it. */
  nextKey(): { readonly key: AccountKey; readonly wasThere: boolean } {
    const pkcs8 = tableAt(this.#next)?.key_pkcs8;
    if (typeof pkcs8 === "string") return { key: AccountKey.of(pkcs8), wasThere: true };
    const key = AccountKey.generate();
    put(this.#next, { key_pkcs8: key.pkcs8 });
    return { key, wasThere: false };
  }

  /** The issuer has taken the next key. */
  changeKey({ id }: Account, key: AccountKey): void {
    this.save({ id, key });
    removeIfThere(this.#next);
  }

  /** The issuer is about to be asked to end the account; returns whether it may have been asked before. */
  beginEnding({ id }: Account): boolean {
    const wasBegun = tableAt(this.#ending)?.id === id;
    if (!wasBegun) put(this.#ending, { id });
    return wasBegun;
  }

  /** The account is no more: the next one has another key. */
  end(): void {
    for (const path of [this.#path, this.#draft, this.#next, this.#ending]) removeIfThere(path);
  }

  /** The issuer does not know the account any more: another one is made, with the same key. */
  forget(): void {
    const pkcs8 = tableAt(this.#path)?.key_pkcs8;
    if (typeof pkcs8 === "string") put(this.#draft, { key_pkcs8: pkcs8 });
    removeIfThere(this.#path);
  }

  /** Until when the issuer wants no order of this account, in milliseconds since 1970; 0 for no such time. */
  get waitUntil(): number {
    try {
      const until = tableAt(this.#limit)?.until;
      return typeof until === "number" && Number.isFinite(until) ? until : 0;
    } catch {
      return 0;
    }
  }

  set waitUntil(until: number) {
    put(this.#limit, { until });
  }
}

function put(path: string, value: Readonly<Record<string, unknown>>): void {
  putFile(path, new TextEncoder().encode(`${JSON.stringify(value)}\n`), MODE);
}

function tableAt(path: string): Readonly<Record<string, unknown>> | undefined {
  const content = readIfThere(path, MAX_BYTES);
  if (content === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(content));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Error(`${path} is not a table in JSON`);
}
