/** Connections of probes that speak no HTTP. @module */
import { closeQuietly, type Duplex, writeAll } from "../../../net/duplex.ts";
import { dial, DialError } from "../../../net/dial/dial.ts";
import { isLocal } from "../request/outcome.ts";
import { fail, type ProbeContext, type ProbeResult } from "./probe.ts";

/** Connects to `address` as requests do, and closes what `ask` leaves open. */
export async function dialed(
  { clock, target, readMs }: ProbeContext,
  address: string,
  ask: (stream: Duplex) => Promise<ProbeResult>,
): Promise<ProbeResult> {
  let stream: Duplex;
  try {
    stream = (await dial(target(address), undefined, clock)).stream;
  } catch (error) {
    return dialFailure(error);
  }
  const timer = setTimeout(() => closeQuietly(stream), readMs);
  const startedAt = performance.now();
  try {
    return await ask(stream);
  } catch (error) {
    const isLate = performance.now() - startedAt >= readMs;
    return fail(isLate ? "it did not answer in time" : messageOf(error));
  } finally {
    clearTimeout(timer);
    closeQuietly(stream);
  }
}

/** What a connection that was not made says about a member. */
export function dialFailure(error: unknown): ProbeResult {
  const isTheirs = error instanceof DialError && error.reason !== "aborted" &&
    error.reason !== "not_permitted" && !isLocal(error.cause);
  return { kind: isTheirs ? "fail" : "void", reason: messageOf(error) };
}

/** Sends `question` and reads until `ends` or `max` bytes are there. */
export async function exchange(
  stream: Duplex,
  question: Uint8Array | undefined,
  max: number,
  ends: (bytes: Uint8Array) => boolean,
): Promise<Uint8Array> {
  if (question !== undefined) await writeAll(stream, question);
  const bytes = new Uint8Array(max);
  let size = 0;
  while (size < max && !ends(bytes.subarray(0, size))) {
    const count = await stream.read(bytes.subarray(size));
    if (count === null) break;
    size += count;
  }
  return bytes.subarray(0, size);
}

/** At most 200 characters: members choose some of these words. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // deno-lint-ignore no-control-regex -- a log line has none
  return text.replaceAll(/[\x00-\x1f\x7f]/g, " ").slice(0, 200);
}
