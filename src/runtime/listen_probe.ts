/**
 * Looks, before any worker starts, whether every configured address can be bound. The workers share
 * their ports, so the kernel would let a second gateway of the same user slip in beside the first
 * without a word; the probe does not share, and so finds it. It also finds the ports for entries with
 * port 0, which all workers must then bind.
 *
 * @module
 */
import type { Config, Problem } from "../config/types.ts";
import type { ListenerNeed } from "../gateway/module.ts";
import { ipFamily } from "../net/ip.ts";
import type { UnixSockets } from "../net/listen/unix_sockets.ts";
import { explainListenError, type ListenError } from "../net/listen/listen_error.ts";
import { pathOf, portOf } from "./listeners.ts";

/** A configuration whose listeners can be bound and have ports, or why not. */
export type ProbeResult =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly problems: readonly Problem[] };

/**
 * Binds each listener once and lets go of it again; all failures are reported in one run. Those of one
 * address family are bound at the same time, so that one that is there twice, or that another one
 * covers, is found too. (`0.0.0.0` and `[::]` may be beside each other.) A unix socket is not bound: it is
 * enough that no other program serves it.
 *
 * @param sockets Absent in a build that opens none; its workers refuse them.
 */
export async function probeListeners(
  config: Config,
  listeners: readonly ListenerNeed[],
  sockets: UnixSockets | undefined,
): Promise<ProbeResult> {
  const found = new Map<string, string | Problem>();
  for (const family of [4, 6]) {
    const bound: Deno.TcpListener[] = [];
    for (const need of listeners) {
      const { kind, address, key } = need;
      if (kind !== "tcp" && kind !== "tls") continue;
      const { host, port } = portOf(need);
      if (ipFamily(host) !== family) continue;
      try {
        const listener = Deno.listen({ hostname: host, port });
        bound.push(listener);
        found.set(key, withPort(address, listener.addr.port));
      } catch (error) {
        found.set(key, problemOf(explainListenError(key, address, error)));
      }
    }
    for (const listener of bound) listener.close();
  }
  for (const need of listeners) {
    const path = pathOf(need);
    if (path === undefined) continue;
    try {
      await sockets?.claim(path);
    } catch (error) {
      found.set(need.key, problemOf(explainListenError(need.key, need.address, error)));
    }
  }
  const problems = [...found.values()].filter((result) => typeof result === "object");
  if (problems.length > 0) return { problems };
  const boundAs = (list: "listen" | "tls_listen") =>
    config.server[list].map((entry, index) => {
      const result = found.get(`server.${list}[${index}]`);
      return typeof result === "string" ? result : entry;
    });
  const server = {
    ...config.server,
    listen: boundAs("listen"),
    tls_listen: boundAs("tls_listen"),
  };
  return { config: { ...config, server } };
}

/**
 * `next` with the ports that `running` found for the same entries of the configuration `loaded` it was
 * made of. Listeners never differ when this is asked.
 */
export function keepPorts(next: Config, running: Config): Config {
  const { listen, tls_listen } = running.server;
  return { ...next, server: { ...next.server, listen, tls_listen } };
}

function withPort(entry: string, port: number): string {
  return `${entry.slice(0, entry.lastIndexOf(":"))}:${port}`;
}

function problemOf({ key, address, hint, cause }: ListenError): Problem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot listen on ${address}: ${reason}`;
  return hint === "" ? { key, message } : { key, message, hint };
}
