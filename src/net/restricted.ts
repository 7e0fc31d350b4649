/**
 * Addresses that a name in a public zone should not lead to: private, local, reserved and multicast ones (spec 01
 * section 4.3, spec 03 section 15.4). A name that does (DNS rebinding) would make the gateway connect to its own network.
 *
 * @module
 */
import { BlockList } from "node:net";
import { IpSet } from "./ip_set.ts";
import { parseIp } from "./ip.ts";

const RESTRICTED_V4 = [
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
];

const RESTRICTED_V6 = [
  "::/128",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
  "2001:db8::/32",
  "100::/64",
];

/** First words of IPv6 forms that carry an IPv4 address: 6to4, NAT64, and Teredo, which has it inverted. */
const SIX_TO_FOUR = 0x2002;
const NAT64 = 0x0064ff9b;
const TEREDO = 0x20010000;

const words = new Uint32Array(4);
const embedded = new Uint32Array(4);
const restricted = IpSet.of([...RESTRICTED_V4, ...RESTRICTED_V6]);

/** Whether `address` is restricted, or is an IPv6 form of an IPv4 address that is. Text that is no address is. */
export function isRestricted(address: string): boolean {
  const family = parseIp(address, words);
  if (family === 0 || restricted.hasWords(family, words)) return true;
  return family === 6 && holdsIpv4(words) && restricted.hasWords(4, embedded);
}

/** Puts the IPv4 address that `ip` carries into `embedded`. */
function holdsIpv4([first, second, third, fourth]: Uint32Array): boolean {
  embedded.fill(0);
  if (first === 0 && second === 0 && (third === 0 || third === 0xffff)) embedded[0] = fourth;
  else if (first >>> 16 === SIX_TO_FOUR) embedded[0] = (first << 16 | second >>> 16) >>> 0;
  else if (first === NAT64 && second === 0 && third === 0) embedded[0] = fourth;
  else if (first === TEREDO) embedded[0] = ~fourth >>> 0;
  else return false;
  return true;
}

/** The same for `node:net`, which asks before it connects to an address that a name has led to. */
export function restrictedList(): BlockList {
  const list = new BlockList();
  for (const [networks, family, offset] of FORMS) {
    for (const network of networks) {
      const [address, prefix] = network.split("/");
      list.addSubnet(offset.of(address), Number(prefix) + offset.bits, family);
    }
  }
  return list;
}

const AS_IT_IS = { bits: 0, of: (address: string) => address };
const MAPPED = { bits: 96, of: (address: string) => `::ffff:${address}` };
const COMPATIBLE = { bits: 96, of: (address: string) => `::${address}` };

const FORMS = [
  [RESTRICTED_V4, "ipv4", AS_IT_IS],
  [RESTRICTED_V6, "ipv6", AS_IT_IS],
  [RESTRICTED_V4, "ipv6", MAPPED],
  [RESTRICTED_V4, "ipv6", COMPATIBLE],
] as const;
