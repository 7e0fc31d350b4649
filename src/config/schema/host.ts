/**
 * Hosts of a configuration in their normal form, which is that of {@linkcode readAuthority}: what a
 * configuration names and what a request asks for are read by the same parser (spec 02 section 2.1).
 *
 * @module
 */
import { readAuthority } from "../../http/authority.ts";
import { canonicalIp, ipFamily } from "../../net/ip.ts";

/**
 * Normal form of a host as people write it: trimmed, without port, brackets and trailing dots, in lower
 * case. Beyond what a request may say, IPv6 needs no brackets, and a name may end with dots.
 *
 * @returns `undefined` when `text` is neither a name nor an address; a wildcard is neither.
 */
export function normalizeHost(text: string): string | undefined {
  const trimmed = text.trim();
  const isBareIpv6 = !trimmed.startsWith("[") && trimmed.indexOf(":") !== trimmed.lastIndexOf(":");
  if (isBareIpv6) return canonicalIp(trimmed);
  return readAuthority(trimmed.replace(/\.+(?=:|$)/, ""))?.host;
}

/**
 * Normal form of a configured host: as {@linkcode normalizeHost}, or `*.` and the normal form of a
 * DNS name. `undefined` when it is neither; the suffix of a wildcard is never an IP address.
 */
export function normalizeHostPattern(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("*.")) return normalizeHost(trimmed);
  const suffix = normalizeHost(trimmed.slice(2));
  return suffix === undefined || ipFamily(suffix) !== 0 ? undefined : `*.${suffix}`;
}
