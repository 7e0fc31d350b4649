/** Receiving a PROXY header on a fresh connection, within a time limit. @module */
import type { Clock, Expiring } from "../clock.ts";
import { closeQuietly, type Duplex } from "../duplex.ts";
import { type Endpoint, MAX_HEADER_BYTES, parseProxyHeader } from "./proxy_protocol.ts";
import type { ProxyVersion } from "./proxy_protocol.ts";

/** A header, and what had already arrived after it. */
export interface ReceivedHeader {
  /** The client that the proxy speaks for; `undefined` when it speaks for itself or does not say. */
  readonly source: Endpoint | undefined;
  /** Bytes after the header; they belong to the next reader. */
  readonly rest: Uint8Array;
}

/** The part of a connection that is used here. */
export type HeaderStream = Pick<Duplex, "read" | "close">;

/** Why there is no header. */
export type HeaderFailure = "proxy_invalid" | "proxy_timeout";

/** Room for a v1 line, or a v2 header with a few TLVs, and nothing is copied. */
const FIRST_READ_BYTES = 512;

/** Closes its connection when the header takes too long, which ends the pending read. */
class HeaderDeadline implements Expiring {
  expired = false;

  constructor(readonly stream: HeaderStream, public deadline: number) {}

  expire(): void {
    this.expired = true;
    closeQuietly(this.stream);
  }
}

/**
 * Reads one header of `version`. On failure the connection is closed already: there is no answer to
 * a peer that does not speak the protocol.
 *
 * @param timeoutMs Time for the whole header.
 */
export async function readProxyHeader(
  stream: HeaderStream,
  version: ProxyVersion,
  clock: Clock,
  timeoutMs: number,
): Promise<ReceivedHeader | HeaderFailure> {
  const limit = new HeaderDeadline(stream, clock.now + timeoutMs);
  clock.watch(limit);
  try {
    let bytes = new Uint8Array(FIRST_READ_BYTES);
    let length = 0;
    for (;;) {
      if (length === bytes.length) {
        const grown = new Uint8Array(MAX_HEADER_BYTES);
        grown.set(bytes);
        bytes = grown;
      }
      const count = await stream.read(bytes.subarray(length));
      if (count === null) break;
      length += count;
      const header = parseProxyHeader(version, bytes, length);
      if (header.state === "invalid") break;
      if (header.state === "complete") {
        return { source: header.source, rest: bytes.subarray(header.length, length) };
      }
    }
  } catch {
    // The peer went away, or the deadline closed the connection.
  } finally {
    clock.unwatch(limit);
  }
  closeQuietly(stream);
  return limit.expired ? "proxy_timeout" : "proxy_invalid";
}
