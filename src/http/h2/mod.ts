/**
 * HTTP/2 in and out (RFC 9113, RFC 7541).
 *
 * @module
 */
export { serveHttp2 } from "./server.ts";
