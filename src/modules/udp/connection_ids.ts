/** Sessions by the connection ids of QUIC, for clients whose address changes (RFC 9000 section 9). @module */
import { idKey, longHeaderOf, mayBeFirst, shortIdOf } from "./quic.ts";
import type { UdpSession } from "./session.ts";

/** Most ids that are kept of one session. */
const MAX_IDS = 8;
/** Shorter ids are no proof of anything, and may be those of many connections. */
const MIN_ID_BYTES = 4;

/** The ids of one route. An id belongs to the session that had it first. */
export class ConnectionIds {
  readonly #sessions = new Map<string, UdpSession>();
  /** Lengths that servers' ids have: short headers do not say. */
  readonly #lengths = new Set<number>();

  /** Whether a datagram of an unknown client may begin a session. */
  mayBegin(datagram: Uint8Array): boolean {
    return mayBeFirst(datagram);
  }

  /** The session whose id a datagram is for. */
  find(datagram: Uint8Array): UdpSession | undefined {
    const header = longHeaderOf(datagram);
    if (header !== undefined) return this.#sessions.get(idKey(header.destination));
    for (const length of this.#lengths) {
      const id = shortIdOf(datagram, length);
      const session = id === undefined ? undefined : this.#sessions.get(idKey(id));
      if (session !== undefined) return session;
    }
    return undefined;
  }

  /** What the client calls the server until that has named itself. */
  learnFromClient(session: UdpSession, datagram: Uint8Array): void {
    const header = longHeaderOf(datagram);
    if (header !== undefined) this.#learn(session, header.destination);
  }

  /** What the server calls itself: clients use that from then on. */
  learnFromServer(session: UdpSession, datagram: Uint8Array): void {
    const source = longHeaderOf(datagram)?.source;
    if (source !== undefined && this.#learn(session, source)) this.#lengths.add(source.length);
  }

  /** The session is over. */
  forget({ ids }: UdpSession): void {
    for (const id of ids) this.#sessions.delete(id);
  }

  #learn(session: UdpSession, id: Uint8Array): boolean {
    const key = idKey(id);
    if (id.length < MIN_ID_BYTES || session.ids.length >= MAX_IDS) return false;
    if (this.#sessions.has(key)) return false;
    this.#sessions.set(key, session);
    session.ids.push(key);
    return true;
  }
}
