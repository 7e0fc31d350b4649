/** What each client address has: its sessions, and how much it was sent in this second. @module */

/** Length of the window in which responses are counted. */
const WINDOW_MS = 1_000;
/** Most addresses that are remembered at a time. */
export const MAX_SOURCES = 65_536;

/** One address. */
interface Source {
  sessions: number;
  windowEnd: number;
  responses: number;
}

/** The client addresses of one route. */
export class UdpSources {
  readonly #sources = new Map<string, Source>();
  readonly #maxSessions: number;
  readonly #maxResponses: number;

  /** 0 stands for no bound. */
  constructor(maxSessions: number, maxResponsesPerSecond: number) {
    this.#maxSessions = maxSessions === 0 ? Infinity : maxSessions;
    this.#maxResponses = maxResponsesPerSecond === 0 ? Infinity : maxResponsesPerSecond;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#sources.size;
  }

  /** Counts one more session of an address, unless it has as many as it may. */
  enter(address: string): "entered" | "full" | "crowded" {
    let source = this.#sources.get(address);
    if (source === undefined) {
      if (this.#sources.size >= MAX_SOURCES) return "crowded";
      source = { sessions: 0, windowEnd: 0, responses: 0 };
      this.#sources.set(address, source);
    }
    if (source.sessions >= this.#maxSessions) return "full";
    source.sessions++;
    return "entered";
  }

  /** Counts one less. */
  leave(address: string): void {
    const source = this.#sources.get(address);
    if (source !== undefined) source.sessions--;
  }

  /** Counts a datagram to an address, unless it was sent enough in this second. */
  mayAnswer(address: string, now: number): boolean {
    const source = this.#sources.get(address);
    if (source === undefined) return false;
    if (now >= source.windowEnd) {
      source.windowEnd = now + WINDOW_MS;
      source.responses = 0;
    }
    if (source.responses >= this.#maxResponses) return false;
    source.responses++;
    return true;
  }

  /** Forgets addresses that have no session, and nothing counted in this second. */
  sweep(now: number): void {
    for (const [address, { sessions, windowEnd }] of this.#sources) {
      if (sessions === 0 && now >= windowEnd) this.#sources.delete(address);
    }
  }
}
