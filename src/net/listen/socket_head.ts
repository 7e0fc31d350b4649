/** The first bytes of a `node:net` socket that another reader will take. @module */
import type { Socket } from "node:net";

/** Reads from a paused socket, and puts back what was not meant for it. One read at a time. */
export class SocketHead {
  readonly #socket: Socket;
  #wake: (() => void) | undefined;
  readonly #onReadable = () => this.#wake?.();
  readonly #onClose = () => {
    this.#closed = true;
    this.#wake?.();
  };
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("readable", this.#onReadable);
    socket.once("close", this.#onClose);
  }

  /** As `Duplex.read`, but a socket that fails just ends. */
  async read(into: Uint8Array): Promise<number | null> {
    const chunk = await this.next();
    if (chunk === null) return null;
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#socket.unshift(chunk.subarray(count));
    return count;
  }

  /** What has arrived, whatever its size. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#socket.read();
      if (chunk !== null) return chunk;
      if (this.#closed || this.#socket.readableEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Gives the socket up, with `rest`, which is its to keep, as the first bytes for its new reader. */
  release(rest: Uint8Array): void {
    this.#socket.off("readable", this.#onReadable);
    this.#socket.off("close", this.#onClose);
    if (rest.length > 0) this.#socket.unshift(rest);
  }
}
