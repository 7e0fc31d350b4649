/**
 * `logging.syslog`: each line of the log as one datagram to a syslog server, over UDP (RFC 5426) or a
 * unix socket. Threads make the lines as messages of RFC 5424 (`lines.ts`).
 *
 * @module
 */
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import { unixPath } from "../../net/unix_address.ts";
import type { SyslogConfig } from "./record_types.ts";
import type { LogTargetStream } from "./sink.ts";

const LF = 10;

/** Longest message; a datagram over UDP holds 65,507 bytes. What is longer is cut. */
const MAX_MESSAGE = 60_000;

/**
 * Opens a socket to send from. Whether a server listens is not known over UDP; where one does not on a unix
 * socket, lines wait.
 */
export function openSyslog({ address, own }: SyslogConfig): LogTargetStream & { close(): void } {
  const path = unixPath(address);
  if (path !== undefined) {
    removeStale(own);
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
    return new Datagrams(socket, { transport: "unixpacket", path }, own);
  }
  const parts = splitAuthority(address.slice("udp:".length));
  if (parts === undefined) throw new TypeError(`not an address and port: ${address}`);
  const hostname = ipFamily(parts.host) === 6 ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  return new Datagrams(socket, { transport: "udp", hostname: parts.host, port: parts.port ?? 514 });
}

class Datagrams implements LogTargetStream {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.Addr;
  readonly #own: string | undefined;

  /** @param own Path of the socket's own file, if it has one. */
  constructor(socket: Deno.DatagramConn, server: Deno.Addr, own?: string) {
    this.#socket = socket;
    this.#server = server;
    this.#own = own;
  }

  /** Sends the first line; a datagram is one message. */
  async write(bytes: Uint8Array): Promise<number> {
    const end = bytes.indexOf(LF);
    const length = end < 0 ? bytes.length : end;
    // An empty line would be a message of nothing.
    if (length > 0) {
      await this.#socket.send(bytes.slice(0, Math.min(length, MAX_MESSAGE)), this.#server);
    }
    return end < 0 ? length : end + 1;
  }

  close(): void {
    this.#socket.close();
    if (this.#own !== undefined) removeStale(this.#own);
  }
}

/** A process that was killed leaves its socket behind. Another kind of file is left alone, and binding fails. */
function removeStale(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
