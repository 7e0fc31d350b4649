/**
 * Authorities as they stand in `Host`, `:authority` and absolute targets: a host and perhaps a port,
 * nothing else (spec 01 section 3.2; RFC 9110 section 7.2).
 *
 * @module
 */
import { isIPv6 } from "node:net";
import { isAll } from "./chars.ts";

/** `reg-name` of RFC 3986 as far as it is taken: letters, digits, `-`, `.`, `_`, `~`. */
const HOST = hostCharacters();

/** The last text that passed; on a kept-alive connection the next one is the same. */
let lastGood = "";

/**
 * Whether `text` is a host with an optional port: no userinfo, comma, white space, leading or trailing
 * dot; a bracketed host is an IPv6 address; port digits are 0 to 65535.
 */
export function isHostAndPort(text: string): boolean {
  if (text === lastGood && text !== "") return true;
  if (!check(text, false)) return false;
  lastGood = text;
  return true;
}

/** As {@linkcode isHostAndPort}, with the port required: the target of CONNECT. */
export function isAuthority(text: string): boolean {
  return check(text, true);
}

function check(text: string, portRequired: boolean): boolean {
  let hostEnd: number;
  if (text.startsWith("[")) {
    hostEnd = text.indexOf("]") + 1;
    if (hostEnd === 0 || !isIPv6(text.substring(1, hostEnd - 1)) || text.includes("%")) {
      return false;
    }
  } else {
    const colon = text.indexOf(":");
    hostEnd = colon < 0 ? text.length : colon;
    const host = text.substring(0, hostEnd);
    if (!isAll(host, HOST) || host.startsWith(".") || host.endsWith(".")) return false;
  }
  if (hostEnd === text.length) return !portRequired;
  return text[hostEnd] === ":" && isPort(text.substring(hostEnd + 1), portRequired);
}

/** RFC 3986 lets a port be empty (`example.com:`), which is the scheme's own port. */
function isPort(digits: string, required: boolean): boolean {
  if (digits === "") return !required;
  if (digits.length > 5) return false;
  for (let i = 0; i < digits.length; i++) {
    const code = digits.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return Number(digits) <= 65535;
}

function hostCharacters(): Uint8Array {
  const allowed = new Uint8Array(256);
  for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") {
    allowed[c.charCodeAt(0)] = 1;
  }
  return allowed;
}
