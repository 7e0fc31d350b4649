/**
 * The connections of one worker to the members of one pool, over reloads. A member that leaves takes its
 * connections with it: another program may have its address next.
 *
 * @module
 */
import type { MemberUpstream } from "../../proxy/edge.ts";
import type { Member } from "../member.ts";

/** Connections by address, each of one life of the address as a member. */
export class Connections {
  readonly #kept = new Map<
    string,
    { readonly incarnation: number; readonly upstream: MemberUpstream }
  >();

  constructor(readonly connect: (address: string) => MemberUpstream) {}

  /** The way to a member. */
  of({ address, incarnation }: Member): MemberUpstream {
    const known = this.#kept.get(address);
    if (known?.incarnation === incarnation) return known.upstream;
    known?.upstream.close();
    const upstream = this.connect(address);
    this.#kept.set(address, { incarnation, upstream });
    return upstream;
  }

  /** These are the members now. */
  retain(members: readonly Member[]): void {
    const lives = new Map(members.map(({ address, incarnation }) => [address, incarnation]));
    for (const [address, { incarnation, upstream }] of this.#kept) {
      if (lives.get(address) === incarnation) continue;
      this.#kept.delete(address);
      upstream.close();
    }
  }

  close(): void {
    for (const { upstream } of this.#kept.values()) upstream.close();
    this.#kept.clear();
  }
}
