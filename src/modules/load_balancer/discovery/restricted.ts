/**
 * Addresses that no source outside of this network may name as members: private, local, and reserved ones (spec 03 section
 * 15.4), also inside of IPv6 forms that embed an IPv4 address.
 *
 * @module
 */
import { splitAuthority } from "../../../http/authority.ts";
import { IpSet } from "../../../net/ip_set.ts";
import { parseIp, parseNetwork } from "../../../net/ip.ts";

const RESTRICTED = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/128",
  "::1/128",
  "ff00::/8",
  "fc00::/7",
  "fe80::/10",
  "2001:db8::/32",
  "100::/64",
];

const words = new Uint32Array(4);
const embedded = new Uint32Array(4);

/** Whether the host of `address` (`ip:port`) is a restricted one. */
export function isRestricted(address: string): boolean {
  const family = parseIp(splitAuthority(address)?.host ?? "", words);
  if (family === 0) return true;
  if (matches(family, words)) return true;
  if (family === 4) return false;
  embedded.fill(0);
  const [first, second, third, fourth] = words;
  // IPv4-mapped addresses are read as IPv4.
  if (first === 0 && second === 0 && third === 0) embedded[0] = fourth;
  else if (first >>> 16 === 0x2002) embedded[0] = ((first << 16) | (second >>> 16)) >>> 0;
  else if (first === 0x20010000) embedded[0] = ~fourth >>> 0;
  else return false;
  return matches(4, embedded);
}

const restricted = IpSet.of(RESTRICTED.filter((entry) => parseNetwork(entry) !== undefined));

function matches(family: 4 | 6, address: Uint32Array): boolean {
  return restricted.hasWords(family, address);
}
