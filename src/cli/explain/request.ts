/**
 * The request that `fluxheim explain` is asked about, read by the same parser that reads requests from
 * the wire.
 *
 * @module
 */
import { canonicalIp } from "../../net/ip.ts";
import { readAuthority } from "../../http/authority.ts";
import { findHeadEnd } from "../../http/h1/head.ts";
import { judgeLength, readRequestHead, RequestHead } from "../../http/h1/request_head.ts";
import type { HeadLimits } from "../../http/head_limits.ts";
import { UsageError } from "../args.ts";

/** A request in the words of the command line. */
export interface AskedRequest {
  readonly scheme: "http" | "https";
  /** `Host`: of the first header given, else of the URL. */
  readonly authority: string;
  /** Port it is sent to; `undefined` when the URL leaves it to the scheme. */
  readonly port: number | undefined;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** The header lines given, before them the URL's `host` where none of them is one. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Address the connection comes from. */
  readonly from: string;
}

const URL_FORM = /^(https?):\/\/([^/?#]*)([^#]*)$/i;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads the operand and the options of the command.
 *
 * The path is taken as written, not as a URL library would tidy it: `/a/../b` is a question worth asking.
 *
 * @throws {UsageError}
 */
export function askedRequest(
  url: string,
  method: string,
  headerLines: readonly string[],
  from: string,
): AskedRequest {
  const parts = URL_FORM.exec(url);
  if (parts === null) {
    throw new UsageError(`"${url}" is not a URL like http://example.com/path`);
  }
  const [, scheme, urlAuthority, rest] = parts;
  if (!TOKEN.test(method)) throw new UsageError(`"${method}" is not a method`);
  const address = canonicalIp(from);
  if (address === undefined) throw new UsageError(`--from "${from}" is not an IP address`);
  const headers = headerLines.map(headerLine);
  const host = headers.find(([name]) => name === "host");
  return {
    scheme: scheme.toLowerCase() === "https" ? "https" : "http",
    authority: host?.[1].trimEnd() ?? urlAuthority,
    port: readAuthority(urlAuthority)?.port,
    method,
    target: rest.startsWith("/") ? rest : `/${rest}`,
    headers: host === undefined ? [["host", urlAuthority], ...headers] : headers,
    from: address,
  };
}

/** What follows the value is left to the parser, to which it may matter. */
function headerLine(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).toLowerCase();
  const value = line.slice(colon + 1).trimStart();
  if (colon < 0 || !TOKEN.test(name)) {
    throw new UsageError(`-H "${line}" is not "name: value"`);
  }
  return [name, value];
}

/** A request that the codec lets in, or the status with which it does not. */
export type ReadRequest =
  | { readonly head: RequestHead }
  | { readonly status: number; readonly reason: string };

/** Puts the request on the wire, so to speak, and reads it as a connection would. */
export function readAsked(asked: AskedRequest, limits: HeadLimits): ReadRequest {
  const lines = [
    `${asked.method} ${asked.target} HTTP/1.1`,
    ...asked.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
  const end = findHeadEnd(bytes, 0, bytes.length);
  const head = new RequestHead();
  const problem = end > limits.maxHeadBytes
    ? judgeLength(bytes, 0, end, limits)
    : readRequestHead(bytes, 0, end, limits, head);
  return problem ?? { head };
}
