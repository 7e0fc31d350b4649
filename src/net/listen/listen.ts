/**
 * Opens the gateway's listeners, each kind by its opener. Cleartext connections are handed over as the
 * runtime's own, with nothing in between; TLS goes through one of two terminators.
 *
 * @module
 */
import { explainListenError } from "./listen_error.ts";
import type { Accepted, Listener } from "./listener.ts";
import type { ListenerKind, ListenerSpec } from "./listener_spec.ts";
import { TcpListener } from "./tcp.ts";
import { TlsListener } from "../tls/listener.ts";
import type { UnixSockets } from "./unix_sockets.ts";

export type { ListenerSpec, Rejection } from "./listener_spec.ts";
export type { KeyPair, TlsListenerSpec, TlsMaterial } from "../tls/spec.ts";

/**
 * Binds and begins to accept.
 *
 * @param onAccept Called for each connection that is ready for its codec. Must not throw.
 * @param sockets Opens unix sockets, in builds that have them.
 * @throws {ListenError} when the address cannot be bound.
 */
export async function openListener(
  spec: ListenerSpec,
  onAccept: (accepted: Accepted) => void,
  sockets?: UnixSockets,
): Promise<Listener> {
  try {
    return await open(spec, onAccept, sockets);
  } catch (error) {
    throw explainListenError(spec.key, spec.name, error);
  }
}

function open(
  spec: ListenerSpec,
  onAccept: (accepted: Accepted) => void,
  sockets: UnixSockets | undefined,
): Listener | Promise<Listener> {
  switch (spec.kind) {
    case "tcp":
      return new TcpListener(spec, onAccept);
    case "tls":
      return TlsListener.open(spec, onAccept);
    case "unix":
      if (sockets === undefined) throw new Error("this build opens no unix sockets");
      return sockets.open(spec, onAccept);
  }
}

/** Whether this build can open listeners of `kind`. */
export function canOpen(kind: ListenerKind): kind is ListenerSpec["kind"] {
  const openers: Readonly<Record<ListenerSpec["kind"], true>> = {
    tcp: true,
    tls: true,
    unix: true,
  };
  return Object.hasOwn(openers, kind);
}
