/**
 * Looks, before any worker starts, whether every configured address can be bound. The workers share
 * their ports, so the kernel would let a second gateway of the same user slip in beside the first
 * without a word; the probe does not share, and so finds it. It also finds the ports for entries with
 * port 0, which all workers must then bind.
 *
 * @module
 */
import { splitAuthority } from "../config/values.ts";
import type { Config, Problem } from "../config/types.ts";
import { explainListenError, type ListenError } from "../net/listen_error.ts";

/** A configuration whose listeners can be bound and have ports, or why not. */
export type ProbeResult =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly problems: readonly Problem[] };

/** Binds each listener once and lets go of it again; all failures are told in one run. */
export function probeListeners(config: Config): ProbeResult {
  const problems: Problem[] = [];
  const probeAll = (list: "listen" | "tls_listen") =>
    config.server[list].map((entry, index) => {
      try {
        return probe(entry);
      } catch (error) {
        problems.push(problemOf(explainListenError(`server.${list}[${index}]`, entry, error)));
        return entry;
      }
    });
  const server = {
    ...config.server,
    listen: probeAll("listen"),
    tls_listen: probeAll("tls_listen"),
  };
  return problems.length > 0 ? { problems } : { config: { ...config, server } };
}

/**
 * `next` with the ports that `running` found for the same entries of the configuration `loaded` it was
 * made of. Listeners never differ when this is asked.
 */
export function keepPorts(next: Config, running: Config): Config {
  const { listen, tls_listen } = running.server;
  return { ...next, server: { ...next.server, listen, tls_listen } };
}

/** The entry, with its port found. */
function probe(entry: string): string {
  const address = splitAuthority(entry);
  if (address === undefined) throw new TypeError(`not an address and port: ${entry}`);
  const listener = Deno.listen({ hostname: address.host, port: address.port });
  const { port } = listener.addr;
  listener.close();
  return address.port === 0 ? `${entry.slice(0, entry.lastIndexOf(":"))}:${port}` : entry;
}

function problemOf({ key, address, hint, cause }: ListenError): Problem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot listen on ${address}: ${reason}`;
  return hint === "" ? { key, message } : { key, message, hint };
}
