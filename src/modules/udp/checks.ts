/** Rules of `[udp]` that span keys (spec 01 section 11). @module */
import type { Config, Problem } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import type { UdpRouteConfig } from "./schema.ts";
import { isExposed, isLocal } from "./table.ts";

/** Lists that go along with `upstreams`. */
const LISTS = ["upstream_weights", "upstream_aliases"] as const;

/** What is wrong with the routes of `config`. */
export function checkUdp({ udp }: Config): Problem[] {
  if (udp === undefined) return [];
  const { enabled, routes } = udp;
  if (!enabled) {
    if (routes.length === 0) return [];
    return [{
      key: "udp.routes",
      message: "must be empty while udp.enabled is false",
      about: ["udp.enabled"],
      hint: "set enabled = true in [udp], or take the routes out",
    }];
  }
  if (routes.length === 0) {
    return [{
      key: "udp.routes",
      message: "must have 1 to 64 entries when udp.enabled is true",
      about: ["udp.enabled"],
    }];
  }
  return [
    ...duplicates(routes),
    ...routes.flatMap((route, index) => [...checkRoute(route, `udp.routes[${index}]`)]),
  ];
}

/** Names and listeners that two routes have. */
function* duplicates(routes: readonly UdpRouteConfig[]): Generator<Problem> {
  const names = new Map<string, number>();
  const listeners = new Map<string, number>();
  for (const [index, { name, listen }] of routes.entries()) {
    const key = `udp.routes[${index}]`;
    const namesake = names.get(name.toLowerCase());
    if (namesake === undefined) names.set(name.toLowerCase(), index);
    else {
      const other = `udp.routes[${namesake}].name`;
      const message = `"${name}" is the name of another route: ${other}`;
      yield { key: `${key}.name`, message, about: [other] };
    }
    for (const [at, address] of listen.entries()) {
      const owner = listeners.get(address);
      if (owner === undefined) listeners.set(address, index);
      else if (owner !== index) {
        const other = `udp.routes[${owner}].listen`;
        const message = `"${address}" belongs to another route: ${other}`;
        yield { key: `${key}.listen[${at}]`, message, about: [other] };
      }
    }
  }
}

function* checkRoute(route: UdpRouteConfig, key: string): Generator<Problem> {
  for (const [at, address] of route.listen.entries()) {
    if (splitAuthority(address)?.port !== 0) continue;
    const message = `must have a port from 1 to 65535; found "${address}"`;
    yield { key: `${key}.listen[${at}]`, message };
  }
  yield* checkUpstreams(route, key);
  yield* checkClients(route, key);
  if (route.response_timeout_secs > route.idle_timeout_secs) {
    yield {
      key: `${key}.response_timeout_secs`,
      message: `must be at most idle_timeout_secs, which is ${route.idle_timeout_secs}`,
      about: [`${key}.idle_timeout_secs`],
    };
  }
  if (isExposed(route)) {
    yield {
      key: `${key}.listen`,
      message:
        "answers DNS beyond this machine: anyone who can reach it may ask, also with forged " +
        "sources; let a firewall say who may",
      warning: true,
      security: true,
    };
  }
}

function* checkClients(route: UdpRouteConfig, key: string): Generator<Problem> {
  for (const [at, range] of route.client_ranges.entries()) {
    if (!range.includes(":") || !range.includes("/")) continue;
    yield {
      key: `${key}.client_ranges[${at}]`,
      message: `must be an address or an IPv4 network; found "${range}"`,
      hint: "the runtime has no permissions for IPv6 networks: list the addresses",
    };
  }
  if (route.mode === "syslog-forward" || route.client_ranges.length > 0 || isLocal(route)) return;
  yield {
    key: `${key}.client_ranges`,
    message: "is required where listen has an address that other machines can reach",
    hint: 'name the networks of the clients, ["10.0.0.0/8"]; ["0.0.0.0/0"] for all of IPv4',
    about: [`${key}.listen`],
  };
}

function* checkUpstreams(route: UdpRouteConfig, key: string): Generator<Problem> {
  const { upstream, upstreams } = route;
  if (upstream !== undefined && upstreams.length > 0) {
    const about = [`${key}.upstream`];
    yield { key: `${key}.upstreams`, message: "must not be set together with upstream", about };
    return;
  }
  if (upstream === undefined && upstreams.length === 0) {
    yield { key: `${key}.upstream`, message: "is required, or upstreams in its place" };
    return;
  }
  const named = upstream === undefined
    ? upstreams.map((entry, at) => [`upstreams[${at}]`, entry] as const)
    : [["upstream", upstream] as const];
  for (const [name, entry] of named) {
    if (ipFamily(splitAuthority(entry)?.host ?? "") !== 0) continue;
    yield {
      key: `${key}.${name}`,
      message: `must have an IP address; found "${entry}"`,
      hint: "answers are believed from this address alone, so names are not resolved for UDP",
    };
  }
  for (const name of LISTS) {
    const { length } = route[name];
    if (length === 0 || length === upstreams.length) continue;
    yield {
      key: `${key}.${name}`,
      message: upstreams.length === 0
        ? "needs upstreams"
        : `must have one entry for each of the ${upstreams.length} upstreams; found ${length}`,
      about: [`${key}.upstreams`],
    };
  }
}
