/**
 * The FastCGI parameters of a request (spec 07 section 11).
 *
 * @module
 */
import { splitAuthority } from "../../../http/authority.ts";
import type { HttpVersion } from "../../../http/exchange.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import { ParamsWriter } from "../../../net/fastcgi/mod.ts";
import type { Script } from "../script/resolve.ts";

/** What is the same for all requests of a scope. */
export interface ParamSettings {
  readonly passesHeaders: boolean;
  readonly serverPort: number | undefined;
  /** Where a request names no host. */
  readonly vhostName: string;
  /** The operator's own, checked. */
  readonly custom: readonly (readonly [name: string, value: string])[];
  readonly keepsConnection: boolean;
}

/** What a script gets of one request. */
export interface RequestFacts {
  readonly method: string;
  readonly version: HttpVersion;
  /** As the client sent it. */
  readonly target: string;
  readonly query: string | undefined;
  /** `Host` as the header policy has it. */
  readonly authority: string;
  /** As the header policy has them. */
  readonly fields: ReadonlyFields;
  readonly clientAddress: string;
  /** 0 where it is not known. */
  readonly clientPort: number;
  readonly localAddress: string;
  readonly isTls: boolean;
  /** URL path of the script. */
  readonly scriptName: string;
  readonly script: Script;
  /** Bytes that will be sent as its body. */
  readonly contentLength: number;
  readonly hasBody: boolean;
}

/** Longest value of a request header that is passed on. */
const MAX_VALUE_BYTES = 16 * 1024;

const PROTOCOLS: Readonly<Record<HttpVersion, string>> = {
  10: "HTTP/1.0",
  11: "HTTP/1.1",
  20: "HTTP/2.0",
  30: "HTTP/3.0",
};

/** Fields that have a parameter of their own, or must not have one: a program may take `HTTP_PROXY` for its proxy. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  "proxy",
  "content-type",
  "content-length",
  "host",
]);

/**
 * The head of the FastCGI request.
 *
 * @returns `undefined` when a value is too long for the protocol.
 */
export function encodeParams(
  request: RequestFacts,
  settings: ParamSettings,
): Uint8Array | undefined {
  const params = new ParamsWriter(settings.keepsConnection);
  const { script, fields, authority } = request;
  const { host, port } = hostOf(authority, settings.vhostName);
  params.add("GATEWAY_INTERFACE", "CGI/1.1");
  params.add("SERVER_SOFTWARE", "fluxheim");
  params.add("SERVER_PROTOCOL", PROTOCOLS[request.version]);
  params.add("REQUEST_METHOD", request.method);
  params.addText("SCRIPT_NAME", request.scriptName);
  params.addText("DOCUMENT_URI", request.scriptName);
  params.addText("SCRIPT_FILENAME", script.filename);
  params.addText("DOCUMENT_ROOT", script.documentRoot);
  params.add("QUERY_STRING", request.query ?? "");
  params.add("REQUEST_URI", request.target);
  params.add("REMOTE_ADDR", request.clientAddress);
  params.add("REMOTE_PORT", request.clientPort === 0 ? "" : String(request.clientPort));
  params.add("SERVER_ADDR", request.localAddress);
  params.addText("SERVER_NAME", host);
  const implied = request.isTls ? 443 : 80;
  params.add("SERVER_PORT", String(settings.serverPort ?? (port === 0 ? implied : port)));
  params.add("CONTENT_TYPE", request.hasBody ? contentType(fields) : "");
  params.add("CONTENT_LENGTH", String(request.contentLength));
  params.add("REQUEST_SCHEME", request.isTls ? "https" : "http");
  params.add("HTTPS", request.isTls ? "on" : "off");
  params.add("REDIRECT_STATUS", "200");
  if (settings.passesHeaders) {
    addHeaders(params, fields);
    if (isPassable(authority)) params.add("HTTP_HOST", authority);
  }
  for (const [name, value] of settings.custom) params.addText(name, value);
  if (script.pathInfo !== "") {
    const { documentRoot, pathInfo } = script;
    params.addText("PATH_INFO", pathInfo);
    params.addText("PATH_TRANSLATED", (documentRoot === "/" ? "" : documentRoot) + pathInfo);
  }
  return params.finish(request.contentLength === 0);
}

/** `HTTP_*`: lines of one field are joined, those of `Cookie` as cookies are. */
function addHeaders(params: ParamsWriter, fields: ReadonlyFields): void {
  const { names } = fields;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (names.indexOf(name) < i || NOT_PASSED.has(name) || !isVariableName(name)) continue;
    const value = joinedValue(fields, i);
    if (value !== undefined) {
      params.add("HTTP_" + name.toUpperCase().replaceAll("-", "_"), value);
    }
  }
}

/** The values of the field at `first` and of later lines of its name, as far as they may be passed on. */
function joinedValue({ names, values }: ReadonlyFields, first: number): string | undefined {
  const name = names[first];
  const separator = name === "cookie" ? "; " : ", ";
  let joined: string | undefined;
  for (let i = first; i < names.length; i++) {
    if (names[i] !== name || !isPassable(values[i])) continue;
    if (joined === undefined) joined = values[i];
    else if (joined.length + separator.length + values[i].length <= MAX_VALUE_BYTES) {
      joined += separator + values[i];
    }
  }
  return joined;
}

/** Names with other characters than letters, digits and hyphens would collide as variables. */
function isVariableName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const isLetter = code >= 97 && code <= 122;
    const isDigit = code >= 48 && code <= 57;
    if (!isLetter && !isDigit && code !== 45) return false;
  }
  return name !== "";
}

/** No control characters, not too long; bytes above 127 go on as they came (RFC 9110 section 5.5). */
function isPassable(value: string): boolean {
  if (value.length > MAX_VALUE_BYTES) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false;
  }
  return true;
}

function contentType(fields: ReadonlyFields): string {
  const value = fields.joined("content-type") ?? "";
  return isPassable(value) ? value : "";
}

/** Host and port of `Host`; the vhost's name where it names none. */
function hostOf(authority: string, vhostName: string): { host: string; port: number } {
  const withPort = splitAuthority(authority);
  if (withPort !== undefined) {
    const { host, port } = withPort;
    return { host: host.includes(":") ? `[${host}]` : host, port };
  }
  return {
    host: authority !== "" && isPassable(authority) ? authority : vhostName || "localhost",
    port: 0,
  };
}
