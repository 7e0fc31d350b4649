/** A TLS client that reports what it saw of a server. @module */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import { type ReadSwitch, readSwitchOf } from "../read_switch.ts";

/** A client whose handshake is done. */
export class TlsClient {
  /** Common name of the server's certificate. */
  readonly shown: string;
  readonly protocol: string;
  readonly version: string;

  private constructor(readonly socket: TLSSocket, readonly below: ReadSwitch) {
    this.shown = String(socket.getPeerCertificate().subject.CN);
    this.protocol = String(socket.alpnProtocol);
    this.version = String(socket.getProtocol());
    socket.on("error", () => {});
  }

  /** Shakes hands; verifies nothing. Rejects with the error of the handshake. */
  static async connect(port: number, options: ConnectionOptions = {}): Promise<TlsClient> {
    const plain = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(plain, "connect");
    const below = readSwitchOf(plain);
    const socket = connect({ socket: plain, rejectUnauthorized: false, ...options });
    try {
      await once(socket, "secureConnect");
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new TlsClient(socket, below);
  }

  /** From now on the server can send no more than the system's buffers hold. */
  stopReading(): void {
    this.socket.pause();
    this.below.readStop();
  }

  /** Sends `text`. */
  write(text: string): void {
    this.socket.write(text);
  }

  /** The next text from the server, `null` at its orderly end. Rejects when it just breaks off. */
  async read(): Promise<string | null> {
    const { socket } = this;
    if (socket.readableEnded) return null;
    const ended = Promise.withResolvers<string | null>();
    const onData = (data: Uint8Array) => ended.resolve(new TextDecoder().decode(data));
    const onEnd = () => ended.resolve(null);
    const onClose = () => ended.reject(new Error("the server broke off"));
    socket.once("data", onData).once("end", onEnd).once("close", onClose);
    if (socket.destroyed) onClose();
    try {
      return await ended.promise;
    } finally {
      socket.off("data", onData).off("end", onEnd).off("close", onClose);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.closed) return;
    this.socket.destroy();
    await once(this.socket, "close");
  }
}
