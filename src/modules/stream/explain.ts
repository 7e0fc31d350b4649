/** What the routes of `[stream]` do with one connection, for `fluxheim explain`. @module */
import type { Config } from "../../config/types.ts";
import type {
  AskedConnection,
  ConnectionExplanation,
  ConsideredRoute,
} from "../../gateway/connection_explained.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import { Choice } from "./choice.ts";
import type { StreamRouteConfig } from "./schema.ts";
import { Sources } from "./sources.ts";
import {
  candidateOf,
  isShared,
  listenersOf,
  matchesHello,
  streamRoutes,
  upstreamsOf,
} from "./table.ts";

/** What becomes of a connection to `asked`; nothing where no route listens there. */
export function explainStream(
  config: Config,
  asked: AskedConnection,
): ConnectionExplanation | undefined {
  if (asked.transport !== "tcp") return undefined;
  const routes = streamRoutes(config).map(({ route }) => route);
  const listeners = [...new Set(routes.flatMap(listenersOf))];
  if (listeners.length === 0) return undefined;
  const address = listeners.find((listener) => isAt(listener, asked));
  const considered = listeners.map((name): ConsideredRoute => ({
    name,
    taken: name === address,
    reason: reasonOf(name, address, asked),
  }));
  if (address === undefined) return nothing(considered, [], "no route listens there");
  const here = routes.filter((route) => listenersOf(route).includes(address));
  const choice = new Choice(here.map((route) => candidateOf(route, route)));
  const chosen = choice.isByHello ? choice.of(asked.serverName, asked.protocols) : choice.only;
  const judged = here.map((route): ConsideredRoute => ({
    name: route.name,
    taken: route === chosen,
    reason: matchText(route),
  }));
  if (chosen === undefined) {
    const outcome = isShared(config, address)
      ? "TLS ends here and HTTPS is served: ask about https:// for what comes next"
      : "closed: no route of the listener has this name and protocol";
    return nothing(considered, judged, outcome);
  }
  return {
    module: "stream-proxy",
    listeners: considered,
    routes: judged,
    ...passing(chosen, asked.from, chosen.listen_tls.includes(address)),
  };
}

function nothing(
  listeners: readonly ConsideredRoute[],
  routes: readonly ConsideredRoute[],
  outcome: string,
): ConnectionExplanation {
  return { module: "stream-proxy", listeners, routes, steps: [], outcome };
}

/** The steps of a connection of a route, and its end. */
function passing(
  route: StreamRouteConfig,
  from: string,
  endsTls: boolean,
): Pick<ConnectionExplanation, "steps" | "outcome"> {
  const steps: [string, string][] = [];
  if (endsTls) steps.push(["tls", "ends here, with the certificates of [tls]"]);
  steps.push(["places", placesText(route)]);
  if (route.downstream_proxy_protocol !== "off") {
    steps.push([
      "header",
      `PROXY ${route.downstream_proxy_protocol} of ${
        route.trusted_proxies.join(", ")
      } names the client; ` +
      "--from stands for that client",
    ]);
  }
  const sources = new Sources(route.allow_sources, route.deny_sources);
  const serves = sources.serves(from);
  steps.push(["sources", sourcesText(route, from, serves)]);
  if (!serves) return { steps, outcome: "closed as rejected; no upstream is asked" };
  const order = orderOf(route);
  const selection = selectionOf(route);
  steps.push([
    "upstreams",
    `${selection === "" ? "" : `by ${selection} among `}${order.join(", ")}`,
  ]);
  if (route.upstream_proxy_protocol !== "off") {
    steps.push(["introduction", `PROXY ${route.upstream_proxy_protocol} header, before all else`]);
  }
  steps.push(["transport", transportText(route)]);
  steps.push(["limits", limitsText(route)]);
  const outcome = order.length === 1
    ? `passed on to ${order[0]}`
    : selection !== ""
    ? "passed on to the member that the selection gives, or another one where that cannot be connected to"
    : "passed on to the upstream whose turn it is, or the next that can be connected to";
  return { steps, outcome };
}

/** How the load balancer chooses, where the route has a pool; `""` where it has none. */
function selectionOf({ load_balance: balance }: StreamRouteConfig): string {
  const selection: unknown = balance === undefined ? "" : Reflect.get(balance, "selection");
  return typeof selection === "string" ? selection : "";
}

/** The upstreams as the first connection tries them. */
function orderOf(route: StreamRouteConfig): string[] {
  const has = (list: readonly string[], entry: string) =>
    list.some((other) => other.toLowerCase() === entry.toLowerCase());
  const primaries: string[] = [];
  const backups: string[] = [];
  for (const [index, entry] of upstreamsOf(route).entries()) {
    if (has(route.drain_upstreams, entry)) continue;
    const alias = route.upstream_aliases[index];
    const weight = route.upstream_weights[index];
    const notes = [
      ...alias === undefined ? [] : [alias],
      ...weight === undefined ? [] : [`weight ${weight}`],
    ];
    const text = notes.length === 0 ? entry : `${entry} (${notes.join(", ")})`;
    if (has(route.backup_upstreams, entry)) backups.push(`${text} as a backup`);
    else primaries.push(text);
  }
  return [...primaries, ...backups];
}

function placesText({ max_connections: max }: StreamRouteConfig): string {
  return max === 0 ? "as many as the listener takes" : `at most ${max} at a time in all`;
}

function sourcesText(route: StreamRouteConfig, from: string, serves: boolean): string {
  const { allow_sources: allow, deny_sources: deny } = route;
  if (allow.length === 0 && deny.length === 0) return `${from} is served, as everyone is`;
  if (serves) return `${from} is served`;
  return new Sources([], deny).serves(from)
    ? `${from} is not in allow_sources`
    : `${from} is in deny_sources`;
}

function transportText(route: StreamRouteConfig): string {
  if (!route.upstream_tls) return "TCP";
  const name = route.upstream_sni ?? "the upstream's host";
  if (!route.upstream_verify_cert) return `TLS for ${name}, not verified`;
  return `TLS for ${name}, verified` + (route.upstream_verify_hostname ? "" : " but for its name");
}

function limitsText(route: StreamRouteConfig): string {
  const limits = [
    `${route.connect_timeout_secs} s to connect to each`,
    `${route.idle_timeout_secs} s of silence`,
  ];
  if (route.max_connection_secs !== undefined) limits.push(`${route.max_connection_secs} s in all`);
  if (route.max_connection_bytes !== undefined) {
    limits.push(`${route.max_connection_bytes} bytes each way`);
  }
  return limits.join(", ");
}

function matchText(route: StreamRouteConfig): string {
  if (!matchesHello(route)) return "takes what no other route of the listener takes";
  const names = route.match_sni.length === 0 ? "any name" : route.match_sni.join(", ");
  return `takes TLS for ${names}` +
    (route.match_alpn.length === 0 ? "" : ` that offers ${route.match_alpn.join(" or ")}`);
}

/** Whether a connection to the asked host and port arrives at `listener`. */
function isAt(listener: string, { host, port }: AskedConnection): boolean {
  const at = splitAuthority(listener);
  if (at === undefined || at.port !== port) return false;
  // A name leads wherever it leads: the port has to do.
  return ipFamily(host) === 0 || at.host === host || at.host === "0.0.0.0" || at.host === "::";
}

function reasonOf(name: string, chosen: string | undefined, { host, port }: AskedConnection) {
  if (name === chosen) return "tcp on its port";
  if (splitAuthority(name)?.port !== port) return `listens on another port than ${port}`;
  return chosen === undefined ? `listens on another address than ${host}` : `${chosen} comes first`;
}
