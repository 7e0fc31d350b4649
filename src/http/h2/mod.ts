/**
 * HTTP/2 in and out (RFC 9113, RFC 7541).
 *
 * @module
 */
export {
  type Http2Call,
  Http2Client,
  type Http2ClientOptions,
  type Http2Timeouts,
} from "./client.ts";
export { writeRequestHead } from "./heads/request_writer.ts";
export { serveHttp2 } from "./server.ts";
