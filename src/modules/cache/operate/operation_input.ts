/** What an operation of the cache is asked for, checked: texts that come from another thread (spec 04 section 12). @module */
import { hasControl } from "../../../config/read/text.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { isToken } from "../../../http/chars.ts";
import { normalizeHost } from "../../../config/schema/host.ts";
import type { Identity } from "../key/key.ts";
import { isTag } from "../policy/tags.ts";

/** What is asked, by name; values are texts as they came. */
export type Input = { readonly [key: string]: Plain };

export const DEFAULT_LIMIT = 1024;
export const MAX_LIMIT = 10_000;
export const MAX_BATCHES = 64;
export const MAX_PATHS = 256;
const MAX_PATH_BYTES = 4096;
const MAX_QUERY_BYTES = 8192;

/** Input that cannot be used, or names nothing that there is. */
export class Refused extends Error {
  constructor(readonly status: 400 | 404, message: string) {
    super(message);
  }
}

export function identityOf(input: Input, host: string, path: string): Identity {
  const method = textOf(input, "method") ?? "GET";
  if (!isToken(method) || method.length > 32) throw new Refused(400, "method is not valid");
  const query = textOf(input, "query") ?? "";
  if (query.length > MAX_QUERY_BYTES || query.includes("#") || hasControl(query)) {
    throw new Refused(400, "query is not valid");
  }
  const scheme = textOf(input, "scheme") ?? "http";
  if (scheme !== "http" && scheme !== "https") throw new Refused(400, "scheme is not valid");
  const port = textOf(input, "port") ?? (scheme === "http" ? "80" : "443");
  if (!/^[0-9]{1,5}$/.test(port)) throw new Refused(400, "port is not valid");
  return { scheme, port, method, host, path, query };
}

export function textOf(input: Input, key: string): string | undefined {
  const value = input[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A blank name is no name. */
export function nameOf(input: Input, key: string): string | undefined {
  const value = textOf(input, key)?.trim();
  return value === "" ? undefined : value;
}

export function hostOf(input: Input): string {
  const given = textOf(input, "host");
  const host = given === undefined || given.length > 255 ? undefined : normalizeHost(given);
  if (host === undefined) throw new Refused(400, "host is required and must be a host name");
  return host;
}

export function pathOf(path: string | undefined): string {
  const isPath = path !== undefined && path.startsWith("/") && path.length <= MAX_PATH_BYTES &&
    !/[\\?#]/.test(path) && !hasControl(path) && !/(^|\/)\.{1,2}(\/|$)/.test(path);
  if (!isPath) throw new Refused(400, "path is required and must begin with /");
  return path;
}

export function prefixOf(input: Input): string {
  const prefix = textOf(input, "prefix");
  if (prefix === undefined || !prefix.startsWith("/") || prefix === "/" || hasControl(prefix)) {
    throw new Refused(400, "prefix must begin with / and be longer");
  }
  if (prefix.length > MAX_PATH_BYTES) throw new Refused(400, "prefix is too long");
  return prefix;
}

export function tagOf(input: Input): string {
  const tag = textOf(input, "tag");
  if (tag === undefined || !isTag(tag)) {
    throw new Refused(400, "tag must be 1 to 128 letters, digits or one of _-.:/=");
  }
  return tag;
}

export function patternOf(input: Input): string {
  const pattern = textOf(input, "pattern");
  if (pattern === undefined || !pattern.includes("*") || pattern.length > MAX_PATH_BYTES) {
    throw new Refused(400, "pattern must have a *");
  }
  if (hasControl(pattern) || /^[/*]*$/.test(pattern)) {
    throw new Refused(400, "pattern must not cover the whole cache");
  }
  return pattern;
}

export function numberOf(input: Input, key: string, otherwise: number, max: number): number {
  const text = textOf(input, key);
  if (text === undefined) return otherwise;
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Refused(400, `${key} must be from 1 to ${max}`);
  return value;
}
