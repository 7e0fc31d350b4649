/**
 * IP addresses and prefixes as they stand in a configuration: strict texts, no zone, no octal, no
 * short forms.
 *
 * @module
 */

/** An address block: the first address and how many leading bits count. */
export interface IpPrefix {
  /** 4 bytes for IPv4, 16 for IPv6. */
  readonly address: Uint8Array;
  /** 0 to 32, or 0 to 128. */
  readonly bits: number;
}

/** The bytes of an IPv4 (4) or IPv6 (16) address without brackets; `undefined` for anything else. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** An address or `address/bits`; `undefined` for anything else. Host bits may be set. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const most = address.length * 8;
  if (slash < 0) return { address, bits: most };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const bits = Number(digits);
  return bits <= most ? { address, bits } : undefined;
}

/** The network address of a prefix: `10.1.2.3/8` gives `10.0.0.0`. */
export function networkAddress({ address, bits }: IpPrefix): Uint8Array {
  return address.map((byte, index) => {
    const kept = Math.max(0, Math.min(8, bits - index * 8));
    return byte & (0xff00 >> kept) & 0xff;
  });
}

/** The text of an address: dotted for 4 bytes, RFC 5952 for 16. */
export function formatIp(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(address[i] << 8 | address[i + 1]);
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    bytes[index] = value;
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const written = head.length + tail.length;
  // "::" stands for at least one group (RFC 5952 section 4.2.2 shortens one to "0"; RFC 4291 allows it).
  if (halves.length === 1 ? written !== 8 : written > 7) return undefined;
  const bytes = new Uint8Array(16);
  const groups = [...head, ...new Array<number>(8 - written).fill(0), ...tail];
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 0xff;
  }
  return bytes;
}

/** 16-bit groups of one side of `::`; the last may be a dotted IPv4 address when `last` is true. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const v4 = last && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (v4 === undefined) return undefined;
    groups.push(v4[0] << 8 | v4[1], v4[2] << 8 | v4[3]);
  }
  return groups;
}

function longestZeroRun(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best[1]) best = [start, length];
  }
  return best;
}
