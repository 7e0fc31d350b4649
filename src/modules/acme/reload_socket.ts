/**
 * The certificate-reload socket (spec 05 section 6.10): one line in, one line out. The companion asks it to have the
 * gateway show what is on disk now.
 *
 * @module
 */
import type { Clock } from "../../net/clock.ts";
import { closeQuietly, type Duplex, writeAll } from "../../net/duplex.ts";
import type { Accepted, Listener } from "../../net/listen/listener.ts";
import { SocketIdentity } from "../../net/listen/socket_identity.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";

const MODE = 0o600;
const KEY = "server.process.certificate_reload_sock";
/** More are closed at once. */
const MAX_CONNECTIONS = 4;
const MAX_REQUEST_BYTES = 1024;
const REQUEST_MS = 5_000;
/** What there is to ask for. */
export const RELOAD_COMMAND = "reload-certificates";

/** What the socket works with. */
export interface ReloadSocketContext {
  readonly clock: Clock;
  readonly sockets: UnixSockets;
  /** Has every worker show what is on disk; returns why not, or nothing. */
  reload(): Promise<string | undefined>;
  /** Accepting has failed. */
  onFault(error: Error): void;
}

/** @throws When it cannot be bound. */
export function openReloadSocket(path: string, context: ReloadSocketContext): Promise<Listener> {
  const { clock, sockets, onFault } = context;
  return sockets.open({
    kind: "unix",
    path,
    mode: MODE,
    owner: undefined,
    group: undefined,
    identity: new SocketIdentity(),
    protocol: "reload-certificates",
    name: `unix:${path}`,
    key: KEY,
    maxConnections: MAX_CONNECTIONS,
    proxyProtocol: "off",
    trustedProxies: undefined,
    headTimeoutMs: REQUEST_MS,
    clock,
    onFault,
  }, (accepted) => void serve(accepted, context));
}

async function serve(accepted: Accepted, { clock, reload }: ReloadSocketContext) {
  const { stream } = accepted;
  try {
    const line = await requestIn(stream, clock);
    if (line === undefined) return;
    const answer = line === RELOAD_COMMAND ? await outcomeOf(reload) : "error: unsupported command";
    await writeAll(stream, new TextEncoder().encode(`${answer}\n`));
    await stream.closeWrite();
  } catch {
    // The client has gone: what it asked for has happened, or has not.
  } finally {
    closeQuietly(stream);
    accepted.done();
  }
}

async function outcomeOf(reload: () => Promise<string | undefined>): Promise<string> {
  const failure = await reload();
  return failure === undefined ? "ok" : `error: ${failure.replaceAll(/[\r\n]+/g, " ")}`;
}

/** The first line; `undefined` for one that does not come in time, or ends too late. */
async function requestIn(stream: Duplex, clock: Clock): Promise<string | undefined> {
  const limit = { deadline: clock.now + REQUEST_MS, expire: () => closeQuietly(stream) };
  clock.watch(limit);
  try {
    const bytes = new Uint8Array(MAX_REQUEST_BYTES);
    for (let length = 0; length < bytes.length;) {
      const count = await stream.read(bytes.subarray(length));
      if (count === null) return undefined;
      length += count;
      const end = bytes.subarray(0, length).indexOf(10);
      if (end >= 0) return new TextDecoder().decode(bytes.subarray(0, end)).trim();
    }
    return undefined;
  } finally {
    clock.unwatch(limit);
  }
}
