/**
 * A client that sends exactly the bytes it is given: for framing, pipelining and bad input.
 *
 * @module
 */
import { RawConnection } from "../../../net/testing/raw_connection.ts";

/** A TCP connection that speaks latin1 text. */
export class RawClient extends RawConnection {
  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Everything up to the end of the connection; a reset counts as one. */
  async rest(): Promise<string> {
    while (await this.more());
    return this.received;
  }

  /** One answer with `Content-Length` or chunked framing, or the end of the connection. */
  async answer(hasBody = true): Promise<Answer | undefined> {
    for (;;) {
      const parsed = parseAnswer(this.received, hasBody);
      if (parsed !== undefined) {
        this.received = this.received.slice(parsed.bytes);
        return parsed;
      }
      if (!await this.more()) return undefined;
    }
  }

  /** Whether the peer has ended the connection, waiting for it to speak or end. */
  async isClosed(): Promise<boolean> {
    if (this.received !== "") return false;
    return !await this.more();
  }
}

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; repeated ones joined with `, `. */
  readonly fields: ReadonlyMap<string, string>;
  readonly head: string;
  readonly body: string;
  readonly bytes: number;
}

function parseAnswer(text: string, hasBody: boolean): Answer | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  const fields = new Map<string, string>();
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const start = headEnd + 4;
  if (!hasBody || status < 200 || status === 204 || status === 304) {
    return { status, fields, head, body: "", bytes: start };
  }
  if (fields.get("transfer-encoding") === "chunked") {
    return parseChunks(text, start, { status, fields, head });
  }
  const length = Number(fields.get("content-length") ?? 0);
  if (text.length < start + length) return undefined;
  return { status, fields, head, body: text.slice(start, start + length), bytes: start + length };
}

function parseChunks(
  text: string,
  at: number,
  head: Pick<Answer, "status" | "fields" | "head">,
): Answer | undefined {
  let body = "";
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const data = lineEnd + 2;
    if (size === 0) {
      const end = text.startsWith("\r\n", data) ? data : text.indexOf("\r\n\r\n", data) + 2;
      if (end < data || text.length < end + 2) return undefined;
      return { ...head, body, bytes: end + 2 };
    }
    if (text.length < data + size + 2) return undefined;
    body += text.slice(data, data + size);
    at = data + size + 2;
  }
}
