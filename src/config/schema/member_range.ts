/**
 * Networks of members that are not known beforehand (`member_ranges`): what the threads may
 * dial, and the same rule in words of our own, since the runtime would only refuse the connection.
 *
 * @module
 */
import { splitAuthority } from "../../http/authority.ts";
import { formatIp, parseIp, parseNetwork } from "../../net/ip.ts";
import { IpSet } from "../../net/ip_set.ts";

/** An entry of `member_ranges`. */
interface MemberRange {
  readonly network: string;
  /** 0 for any. */
  readonly port: number;
}

/**
 * Reads an entry: `10.0.0.0/8:8080`, `10.1.2.3:80`, `[fd00::1]:80`, or without a port.
 *
 * @returns `undefined` for anything else. The runtime knows no networks of IPv6 addresses.
 */
export function parseMemberRange(text: string): MemberRange | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+(?:\/\d{1,2})?))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, v6, v4, digits] = match;
  const port = digits === undefined ? 0 : Number(digits);
  if (digits !== undefined && (port < 1 || port > 65_535)) return undefined;
  const network = parseNetwork(v6 ?? v4);
  if (network === undefined || !network.canonical) return undefined;
  if ((network.family === 6) !== (v6 !== undefined)) return undefined;
  return { network: v6 ?? v4, port };
}

/** The same as the runtime writes it. */
export function rangeGrant(text: string): string {
  return text.replace(/\/32(?=$|:)/, "");
}

/** Whether members may be dialled, by the ranges of their pool. */
export class MemberRanges {
  readonly #ranges: readonly { readonly set: IpSet; readonly port: number }[];

  constructor(entries: readonly string[]) {
    this.#ranges = entries.flatMap((entry) => {
      const range = parseMemberRange(entry);
      return range === undefined ? [] : { set: IpSet.of([range.network]), port: range.port };
    });
  }

  has(address: string): boolean {
    const parts = splitAuthority(address);
    if (parts === undefined) return false;
    const words = new Uint32Array(4);
    const family = parseIp(parts.host, words);
    if (family === 0) return false;
    const host = formatIp(family, words);
    return this.#ranges.some(({ set, port }) =>
      (port === 0 || port === parts.port) && set.has(host)
    );
  }
}
