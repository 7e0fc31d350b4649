/**
 * Which listener a request arrives at, and why the others do not take it.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { beyondStatic } from "../../net/tls/static_pair.ts";
import { unixPath } from "../../net/unix_address.ts";
import type { AskedRequest } from "./request.ts";

/** A listener and why it takes the request, or not. */
export interface ListenerVerdict extends Verdict {
  /**
   * How it would be opened: `tcp`, `unix`, `tls (static certificate)`, or `tls (names, for client certificates)`
   * and whatever else the faster of both cannot do. Another suffix is about PROXY headers.
   */
  readonly description: string;
}

/** One candidate and why it is or is not the one. */
export interface Verdict {
  /** What it is, as the configuration names it. */
  readonly name: string;
  readonly taken: boolean;
  readonly reason: string;
}

/** A listener that takes a request. */
export interface TakingListener {
  /** The entry as configured. */
  readonly name: string;
  /** `""` for a unix socket, whose port is 0. */
  readonly host: string;
  readonly port: number;
}

/** What {@linkcode chooseListener} found. */
export interface ListenerChoice {
  readonly taking: TakingListener | undefined;
  readonly verdicts: readonly ListenerVerdict[];
}

/**
 * The first listener of the request's scheme on its port. When the URL names no port and none listens on
 * the usual one, the first of the scheme stands in, as behind a port mapping.
 */
export function chooseListener(
  { server }: Config,
  tls: TlsListenerSpec | undefined,
  asked: AskedRequest,
): ListenerChoice {
  const entries = [
    ...server.listen.map((name) => ({ name, scheme: "http" as const })),
    ...server.tls_listen.map((name) => ({ name, scheme: "https" as const })),
  ].map(({ name, scheme }) => ({ name, scheme, address: addressOf(name) }));
  const usual = asked.scheme === "https" ? 443 : 80;
  const suitable = entries.filter(({ scheme }) => scheme === asked.scheme);
  const onPort = suitable.find(({ address }) => address?.port === (asked.port ?? usual));
  const chosen = onPort ?? (asked.port === undefined ? suitable[0] : undefined);
  const verdicts = entries.map((entry) => {
    const reason = entry === chosen
      ? entry === onPort ? `${entry.scheme} on its port` : `${entry.scheme}; the URL names no port`
      : entry.scheme !== asked.scheme
      ? `takes ${entry.scheme}, the request is ${asked.scheme}`
      : entry.address.port === (asked.port ?? usual) || asked.port === undefined
      ? `${chosen?.name} comes first`
      : entry.address.isSocket
      ? `is a unix socket, the request goes to port ${asked.port}`
      : `listens on port ${entry.address.port}, the request goes to ${asked.port}`;
    const description = entry.scheme === "https"
      ? describeTls(server.proxy_protocol, tls)
      : entry.address.isSocket
      ? "unix"
      : "tcp";
    const proxied = server.proxy_protocol === "off" ? "" : `, PROXY ${server.proxy_protocol}`;
    return {
      name: entry.name,
      taken: entry === chosen,
      description: description + proxied,
      reason,
    };
  });
  if (chosen === undefined) return { taking: undefined, verdicts };
  const { host, port } = chosen.address;
  return { taking: { name: chosen.name, host, port }, verdicts };
}

/** A unix socket has neither host nor port. */
function addressOf(name: string): { host: string; port: number; isSocket: boolean } {
  const parts = splitAuthority(name);
  if (parts !== undefined && unixPath(name) === undefined) return { ...parts, isSocket: false };
  return { host: "", port: 0, isSocket: true };
}

function describeTls(
  proxyProtocol: Config["server"]["proxy_protocol"],
  tls: TlsListenerSpec | undefined,
): string {
  if (tls === undefined) return "tls";
  const needs = beyondStatic({ proxyProtocol }, tls);
  if (needs.length > 0) return `tls (names, for ${needs.join(", ")})`;
  return tls.fastListener ? "tls (static certificate)" : "tls (names)";
}
