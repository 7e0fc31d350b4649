/**
 * The ring of nginx's `hash ... consistent`, which is that of Ketama in Cache::Memcached::Fast: the same keys go
 * to the same members there and here. CRC-32 has no seed, so clients that choose their keys can choose their
 * member.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { splitAuthority } from "../../../http/authority.ts";
import type { Member } from "../member.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

export const nginxRing: SelectionPolicy = {
  name: "nginx-consistent-",
  hashes: true,
  hashesPlainly: true,
  takesWeights: false,
  takesMembers: false,
  isStatic: true,
  open: (context) => new NginxRing(context),
};

/** Points of each unit of weight. */
const POINTS = 160;

class NginxRing implements Selection {
  readonly #hashes: Uint32Array;
  readonly #members: readonly Member[];

  constructor(readonly context: SelectionContext) {
    const points = context.members.flatMap(pointsOf).sort((a, b) => a.hash - b.hash)
      .filter(({ hash }, i, all) => i === 0 || hash !== all[i - 1].hash);
    this.#hashes = Uint32Array.from(points, ({ hash }) => hash);
    this.#members = points.map(({ member }) => member);
  }

  select(candidates: Candidates, key: string): Member | undefined {
    const count = this.#hashes.length;
    if (count === 0) return undefined;
    const start = this.#find(crc32(bytesOf(key)));
    for (let i = 0; i < Math.min(this.context.maxIterations, count); i++) {
      const member = this.#members[(start + i) % count];
      if (candidates.admits(member)) return member;
    }
    return undefined;
  }

  /** The first point at or after `hash`. */
  #find(hash: number): number {
    let [low, high] = [0, this.#hashes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle] < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Each point is a hash of the name and of the point before it. */
function pointsOf(member: Member): { readonly hash: number; readonly member: Member }[] {
  const { address, settings: { weight } } = member;
  const port = splitAuthority(address)?.port ?? 0;
  const host = address.slice(0, address.lastIndexOf(":"));
  const base = crc32(bytesOf(`${host}\0${port}`));
  const previous = new Uint8Array(4);
  const view = new DataView(previous.buffer);
  return Array.from({ length: weight * POINTS }, () => {
    const hash = crc32(previous, base);
    view.setUint32(0, hash, true);
    return { hash, member };
  });
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}
