/** The TXT records of one certificate: put into the zone, waited for, removed. @module */
import type { EnabledAcme } from "../table.ts";
import { segmentOf } from "../storage_names.ts";
import { lookAt, putFile, readIfThere, removeIfThere, setAside } from "../store/files.ts";
import type { TxtRecord } from "./txt_record.ts";
import { runHook } from "./hook.ts";
import { changeRecord } from "./update.ts";
import { waitForRecords } from "./propagation.ts";

const MAX_BYTES = 64 * 1024;

/**
 * The records of one certificate. They are on the disk before they are in the zone, so that those of a process that
 * has died are removed by the next one.
 */
export class Records {
  readonly #acme: EnabledAcme;
  readonly #path: string;
  #records: TxtRecord[] = [];

  constructor(acme: EnabledAcme, vhost: string) {
    this.#acme = acme;
    this.#path = `${acme.storage}/dns-01/${segmentOf(vhost)}.json`;
  }

  /** Removes what another process has left; returns what could not be. */
  async removeLeft(): Promise<string | undefined> {
    const stored = this.#stored();
    if (stored === undefined) {
      return `the list of its records was damaged and is now ${setAside(this.#path)}: ` +
        "records of an earlier order may still be in the zone";
    }
    this.#records = stored;
    return this.#records.length === 0 ? undefined : await this.remove();
  }

  /** Puts a record into the zone. */
  async add(record: TxtRecord): Promise<void> {
    this.#records.push(record);
    this.#keep();
    await this.#change("present", record);
  }

  /** Waits until the servers of the zone have all records, or for as long as is configured. */
  async settle(sleep: (ms: number) => Promise<void>): Promise<void> {
    if (this.#records.length > 0) await waitForRecords(this.#records, this.#acme.dns, sleep);
  }

  /** Removes them; returns what could not be. Those stay on the disk for the next time. */
  async remove(): Promise<string | undefined> {
    const left: TxtRecord[] = [];
    let reason: string | undefined;
    for (const record of this.#records) {
      try {
        await this.#change("cleanup", record);
      } catch (error) {
        left.push(record);
        reason = `${record.name} could not be removed: ${
          error instanceof Error ? error.message : String(error)
        }`;
      }
    }
    this.#records = left;
    this.#keep();
    return reason;
  }

  async #change(action: "present" | "cleanup", record: TxtRecord): Promise<void> {
    const { hook, update } = this.#acme.dns;
    if (hook !== undefined) await runHook(hook, action, record);
    else if (update !== undefined) await changeRecord(update, action, record);
  }

  #keep(): void {
    if (this.#records.length === 0) return removeIfThere(this.#path);
    putFile(this.#path, new TextEncoder().encode(JSON.stringify(this.#records)), 0o600);
  }

  /** `undefined` for a file that is damaged. */
  #stored(): TxtRecord[] | undefined {
    if (lookAt(this.#path) === undefined) return [];
    try {
      const list: unknown = JSON.parse(
        new TextDecoder().decode(readIfThere(this.#path, MAX_BYTES)),
      );
      return Array.isArray(list) && list.every(isRecord) ? list : undefined;
    } catch {
      return undefined;
    }
  }
}

function isRecord(value: unknown): value is TxtRecord {
  const { name, value: text } = (value ?? {}) as Partial<Record<keyof TxtRecord, unknown>>;
  return typeof name === "string" && /^_acme-challenge\.[a-z0-9._-]{1,240}\.$/.test(name) &&
    typeof text === "string" && /^[A-Za-z0-9_-]{43}$/.test(text);
}
