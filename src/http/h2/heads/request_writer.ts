/**
 * Writes the head of a request to an upstream. RFC 9113 section 8.3.1.
 *
 * @module
 */
import type { ClientRequest } from "../../client.ts";
import { type HeadWriter, isConnectionField, SPARE_HEAD_BYTES } from "./head_writer.ts";
import { Encoder } from "../hpack/mod.ts";

/** Methods whose missing body is declared by `content-length: 0` (RFC 9110 section 8.6). */
const METHODS_WITH_CONTENT: readonly string[] = ["POST", "PUT", "PATCH"];

/** What the head of a request is written to: a connection's writer, or an observer of the fields. */
export type RequestHeadSink = Pick<HeadWriter, "begin" | "field" | "end">;

/**
 * Writes the head of `request`. gRPC asks every hop to say that it passes trailers on; this one does.
 */
export function writeRequestHead(
  heads: RequestHeadSink,
  streamId: number,
  request: ClientRequest,
  endStream: boolean,
): void {
  const { method, target, authority, scheme, fields, body } = request;
  const { names, values } = fields;
  const bound = Encoder.bound(names, values) + SPARE_HEAD_BYTES +
    3 * (method.length + target.length + authority.length);
  heads.begin(bound);
  heads.field(":method", method);
  heads.field(":scheme", scheme);
  heads.field(":authority", authority);
  heads.field(":path", target);
  let isGrpc = false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === "host" || name === "te" || isConnectionField(name)) continue;
    if (name === "content-type" && values[i].startsWith("application/grpc")) isGrpc = true;
    heads.field(name, values[i]);
  }
  if (isGrpc) heads.field("te", "trailers");
  if (body?.length !== undefined) heads.field("content-length", String(body.length));
  else if (body === undefined && METHODS_WITH_CONTENT.includes(method)) {
    heads.field("content-length", "0");
  }
  heads.end(streamId, endStream);
}
