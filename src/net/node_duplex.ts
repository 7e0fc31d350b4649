/**
 * A `node:net` or `node:tls` socket as a {@linkcode Duplex}. The runtime's own connections are faster and
 * need no adapter; these are for what only `node:tls` can do: names, client certificates, own roots.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { Clock, Expiring } from "./clock.ts";
import type { Duplex } from "./duplex.ts";
import type { ReadSwitch } from "./read_switch.ts";

/** Received bytes kept without a reader; past it the socket is paused and the peer has to wait. */
const MAX_KEPT_BYTES = 64 * 1024;
/** Most bytes given to the socket in one write, so that a slow reader shows progress to time limits. */
const MAX_WRITE_BYTES = 64 * 1024;
/** Time for the last bytes, `close_notify` and FIN, to leave when a stream is closed. */
const LINGER_MS = 2_000;

/** One socket. At most one `read` and one `write` may be pending. */
export class NodeDuplex implements Duplex, Expiring {
  deadline = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #below: ReadSwitch | undefined;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  /** Bytes of the write under way; 0 for none. */
  #writing = 0;
  #into: Uint8Array | undefined;
  #resolve: (count: number | null) => void = idle;
  #reject: (error: Error) => void = idle;
  #resolveWrite: (count: number) => void = idle;
  #rejectWrite: (error: Error) => void = idle;
  // One function for all reads, and two for all writes, where closures for each would cost more than
  // the promise.
  readonly #wait = (resolve: (count: number | null) => void, reject: (error: Error) => void) => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  readonly #waitForWrite = (
    resolve: (count: number) => void,
    reject: (error: Error) => void,
  ) => {
    this.#resolveWrite = resolve;
    this.#rejectWrite = reject;
  };
  readonly #onWritten = (error: Error | null | undefined) => {
    const count = this.#writing;
    this.#writing = 0;
    if (error) this.#rejectWrite(error);
    else this.#resolveWrite(count);
  };

  /**
   * @param socket Connected, its TLS handshake done, and not read from.
   * @param below Of the TCP socket below it, for a TLS socket.
   */
  constructor(socket: Socket, clock: Clock, below?: ReadSwitch) {
    this.#socket = socket;
    this.#clock = clock;
    this.#below = below;
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#onFailure(error));
    socket.on("close", () => this.#onClose());
    if (socket.destroyed) this.#onClose();
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#keptBytes > 0) return Promise.resolve(this.#takeKept(into));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(null);
    if (this.#into !== undefined) return Promise.reject(new Error("a read is pending"));
    this.#into = into;
    return new Promise(this.#wait);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (bytes.length === 0) return this.#writeNothing(bytes);
    if (this.#writing > 0) return Promise.reject(new Error("a write is pending"));
    const part = bytes.length > MAX_WRITE_BYTES ? bytes.subarray(0, MAX_WRITE_BYTES) : bytes;
    this.#writing = part.length;
    const written = new Promise<number>(this.#waitForWrite);
    this.#socket.write(part, this.#onWritten);
    return written;
  }

  /** Waits behind the write under way, if there is one. */
  #writeNothing(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(0));
    });
  }

  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#socket.once("close", resolve);
      this.#socket.end((error?: Error | null) => {
        this.#socket.off("close", resolve);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  setKeepAlive(on: boolean): void {
    this.#socket.setKeepAlive(on);
  }

  close(): void {
    if (this.#socket.destroyed) return;
    this.#onFailure(new Deno.errors.Interrupted("operation canceled"));
    this.#kept.length = 0;
    this.#keptBytes = 0;
    if (this.#writing > 0) {
      // The peer does not take what it was sent: it would not take a goodbye either.
      this.#socket.destroy();
      return;
    }
    this.deadline = this.#clock.now + LINGER_MS;
    this.#clock.watch(this);
    this.#socket.resume();
    this.#socket.destroySoon();
  }

  reset(): void {
    if (this.#socket.destroyed) return;
    this.#onFailure(new Deno.errors.Interrupted("operation canceled"));
    this.#kept.length = 0;
    this.#keptBytes = 0;
    // Below TLS there is no way to reset: the peer misses the goodbye.
    if (this.#below === undefined) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** The goodbye did not leave in time. */
  expire(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    const into = this.#into;
    if (into === undefined) {
      this.#keep(chunk);
      return;
    }
    this.#into = undefined;
    if (chunk.length <= into.length) {
      into.set(chunk);
      this.#resolve(chunk.length);
    } else {
      into.set(chunk.subarray(0, into.length));
      this.#keep(chunk.subarray(into.length));
      this.#resolve(into.length);
    }
  }

  #keep(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    if (this.#keptBytes >= MAX_KEPT_BYTES && !this.#paused) {
      this.#paused = true;
      this.#below?.readStop();
      this.#socket.pause();
    }
  }

  #takeKept(into: Uint8Array): number {
    const first = this.#kept[0];
    const count = Math.min(first.length, into.length);
    into.set(count < first.length ? first.subarray(0, count) : first);
    if (count < first.length) this.#kept[0] = first.subarray(count);
    else this.#kept.shift();
    this.#keptBytes -= count;
    if (this.#paused && this.#keptBytes === 0) {
      this.#paused = false;
      this.#below?.readStart();
      this.#socket.resume();
    }
    return count;
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#into === undefined) return;
    this.#into = undefined;
    this.#resolve(null);
  }

  #onFailure(error: Error): void {
    this.#failure ??= error;
    if (this.#into === undefined) return;
    this.#into = undefined;
    this.#reject(this.#failure);
  }

  #onClose(): void {
    this.#clock.unwatch(this);
    if (!this.#ended) this.#onFailure(new Deno.errors.ConnectionReset("connection closed"));
  }
}

function idle(): void {}
