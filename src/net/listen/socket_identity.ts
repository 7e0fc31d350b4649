/**
 * Which file a listening unix socket is, and by which paths it gets there. Nothing here touches a file
 * (`socket_file.ts` does), so that builds which may not write can have it.
 *
 * @module
 */
/** Where a unix socket is, and who may connect to it. */
export interface SocketSettings {
  /** Absolute. */
  readonly path: string;
  /** Permission bits: who may write it may connect. */
  readonly mode: number;
  /** Numeric ids; those of the process where `undefined`. */
  readonly owner: number | undefined;
  /** The same for the group. */
  readonly group: number | undefined;
}

/** Added to the path of a socket by the name it is bound under. */
const DRAFT_BYTES = "..new/s".length;

/** Where the socket at `path` is bound before it gets its name. */
export function draftOf(path: string): { readonly directory: string; readonly socket: string } {
  const at = path.lastIndexOf("/");
  const directory = `${path.slice(0, at)}/.${path.slice(at + 1)}.new`;
  return { directory, socket: `${directory}/s` };
}

/** Longest path of a socket that can be bound, where the kernel takes `most` bytes. */
export function longestSocketPath(most: number): number {
  return most - DRAFT_BYTES;
}

/**
 * Which file the socket of this process is, in memory that its workers share: one that takes over from
 * another replaces that file, and no other one that is served.
 */
export class SocketIdentity {
  readonly #cells: Float64Array;

  /**
   * Of a process or of a thread.
   *
   * @param shared Memory of {@linkcode SocketIdentity.BYTES}; without it the identity is this thread's.
   */
  constructor(shared?: SharedArrayBuffer) {
    this.#cells = new Float64Array(shared ?? new ArrayBuffer(SocketIdentity.BYTES));
  }

  /** Size of its memory. */
  static readonly BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;

  /** Whether `info` is of the file that was last set. */
  is({ dev, ino }: Deno.FileInfo): boolean {
    return ino !== null && ino === this.#cells[1] && dev === this.#cells[0];
  }

  /** The socket is this file from now on. */
  set({ dev, ino }: Deno.FileInfo): void {
    this.#cells[0] = dev;
    this.#cells[1] = ino ?? 0;
  }
}
