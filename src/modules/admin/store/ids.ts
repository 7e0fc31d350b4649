/** Ids and messages of snapshots (spec 01 section 7.1). @module */

const MAX_ID_BYTES = 128;
/** Most bytes of a message. */
export const MAX_MESSAGE_BYTES = 4096;

/** Makes the ids of one process. */
export class SnapshotIds {
  #made = 0;
  /** Of the last id, in microseconds. */
  #lastMicros = 0;

  /** A new id: in the order of ids, it comes after every one that was made here before. */
  next(now = Date.now()): string {
    const micros = Math.max(now * 1000, this.#lastMicros + 1);
    this.#lastMicros = micros;
    const secs = Math.floor(micros / 1_000_000);
    const nanos = String((micros % 1_000_000) * 1000).padStart(9, "0");
    return `s${secs}-${nanos}-${Deno.pid}-${this.#made++}`;
  }
}

/** Whether `value` may be an id. */
export function isId(value: string): boolean {
  return value.length <= MAX_ID_BYTES && /^[A-Za-z0-9_-]+$/.test(value);
}

/** A message as it is stored, `undefined` for none; or why it cannot be. */
export function messageOf(
  text: string,
): { readonly message: string | undefined } | { readonly problem: string } {
  const message = text.trim();
  if (message === "") return { message: undefined };
  if (new TextEncoder().encode(message).length > MAX_MESSAGE_BYTES) {
    return { problem: `the message must be at most ${MAX_MESSAGE_BYTES} bytes` };
  }
  // deno-lint-ignore no-control-regex -- those are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(message)) {
    return { problem: "the message must not have control characters" };
  }
  return { message };
}
