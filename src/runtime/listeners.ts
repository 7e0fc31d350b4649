/**
 * Every listener of a configuration: those of `[server]`, and those its modules ask for.
 *
 * @module
 */
import type { Config, Problem } from "../config/types.ts";
import type { ListenerNeed } from "../gateway/module.ts";
import { splitAuthority } from "../http/authority.ts";
import { canOpen } from "../net/listen/listen.ts";
import { unixPath } from "../net/unix_address.ts";

/** The codec of connections that choose none by ALPN. */
const HTTP = "http/1.1";

/** The listeners of `[server]`. */
export function ownListeners({ server }: Config): ListenerNeed[] {
  const { proxy_protocol: proxyProtocol } = server;
  const need = (list: "listen" | "tls_listen", address: string, index: number): ListenerNeed => ({
    kind: list === "tls_listen" ? "tls" : kindOf(address),
    address,
    key: `server.${list}[${index}]`,
    protocol: HTTP,
    proxyProtocol,
  });
  return [
    ...server.listen.map((address, index) => need("listen", address, index)),
    ...server.tls_listen.map((address, index) => need("tls_listen", address, index)),
  ];
}

function kindOf(address: string): "tcp" | "unix" {
  return unixPath(address) === undefined ? "tcp" : "unix";
}

/**
 * Host and port of a listener that has them.
 *
 * @throws {TypeError} for another address; a checked configuration has none.
 */
export function portOf(
  { address }: ListenerNeed,
): { readonly host: string; readonly port: number } {
  const parts = splitAuthority(address);
  if (parts === undefined) throw new TypeError(`not an address and port: ${address}`);
  return parts;
}

/** Path of a unix listener, `undefined` for the other kinds. */
export function pathOf({ kind, address }: ListenerNeed): string | undefined {
  return kind === "unix" ? unixPath(address) : undefined;
}

/** Listeners of kinds that this build cannot open. */
export function listenerProblems(listeners: readonly ListenerNeed[]): Problem[] {
  return listeners.filter(({ kind }) => !canOpen(kind)).map(({ kind, key, address }) => ({
    key,
    message: `needs a listener of the kind ${kind} on ${address}, which this build cannot open`,
  }));
}
