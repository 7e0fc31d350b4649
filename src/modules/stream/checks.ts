/** Rules of `[stream]` that span keys (spec 01 section 4). @module */
import type { Config, Problem } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import type { StreamRouteConfig } from "./schema.ts";
import { isShared, matchesHello, upstreamsOf } from "./table.ts";

/** Largest sum of the weights of a route. */
const MAX_WEIGHTS = 65_535;

/** Lists that go along with `upstreams`. */
const LISTS = ["upstream_weights", "upstream_aliases"] as const;
const CHOICES = ["backup_upstreams", "drain_upstreams"] as const;

/** Keys that say how TLS is spoken, and nothing without it. */
const TLS_KEYS = ["upstream_sni", "upstream_alternative_cn"] as const;

/** What is wrong with the streams of `config`. */
export function checkStreams(config: Config): Problem[] {
  const { stream } = config;
  if (stream === undefined) return [];
  const { enabled, routes } = stream;
  if (!enabled) {
    if (routes.length === 0) return [];
    return [{
      key: "stream.routes",
      message: "must be empty while stream.enabled is false",
      about: ["stream.enabled"],
      hint: "set enabled = true in [stream], or take the routes out",
    }];
  }
  if (routes.length === 0) {
    return [{
      key: "stream.routes",
      message: "must have 1 to 128 entries when stream.enabled is true",
      about: ["stream.enabled"],
    }];
  }
  return [
    ...duplicates(routes),
    ...sharing(config, routes),
    ...routes.flatMap((route, index) => [...checkRoute(config, route, `stream.routes[${index}]`)]),
  ];
}

/** Names that two routes have. */
function* duplicates(routes: readonly StreamRouteConfig[]): Generator<Problem> {
  const names = new Map<string, number>();
  for (const [index, { name }] of routes.entries()) {
    const key = `stream.routes[${index}]`;
    const namesake = names.get(name.toLowerCase());
    if (namesake === undefined) names.set(name.toLowerCase(), index);
    else {
      const other = `stream.routes[${namesake}].name`;
      const message = `"${name}" is the name of another route: ${other}`;
      yield { key: `${key}.name`, message, about: [other] };
    }
  }
}

/** Rules for listeners that several routes have, or a route and HTTPS that is served here. */
function* sharing(config: Config, routes: readonly StreamRouteConfig[]): Generator<Problem> {
  const byListener = new Map<string, { route: StreamRouteConfig; index: number; key: string }[]>();
  for (const [index, route] of routes.entries()) {
    for (const [name, address] of listed(route)) {
      const key = `stream.routes[${index}].${name}`;
      const others = byListener.get(address) ?? [];
      byListener.set(address, others);
      if (isShared(config, address)) {
        yield* sharedWithHttps(route, key, address);
      }
      for (const other of others) yield* together(other, { route, index, key }, address);
      others.push({ route, index, key });
    }
  }
}

function* sharedWithHttps(
  route: StreamRouteConfig,
  key: string,
  address: string,
): Generator<Problem> {
  const about = ["server.tls_listen"];
  if (!matchesHello(route)) {
    yield {
      key,
      message: `"${address}" is in server.tls_listen, too`,
      hint: "a route shares it with HTTPS only where match_sni or match_alpn names its connections",
      about,
    };
  } else if (route.downstream_proxy_protocol !== "off") {
    yield {
      key,
      message: `"${address}" is in server.tls_listen, where server.proxy_protocol reads the header`,
      hint: 'set downstream_proxy_protocol = "off" in the route',
      about,
    };
  }
}

interface ListeningRoute {
  readonly route: StreamRouteConfig;
  readonly index: number;
  readonly key: string;
}

/** Two routes on one address: the TLS hello must say which of them a connection is for. */
function* together(one: ListeningRoute, two: ListeningRoute, address: string): Generator<Problem> {
  const other = `stream.routes[${one.index}]`;
  const about = [`${other}.listen`];
  const ends = [one, two].some(({ route }) => route.listen_tls.includes(address));
  if (ends || (!matchesHello(one.route) && !matchesHello(two.route))) {
    yield {
      key: two.key,
      message: `"${address}" belongs to another route: ${other}.listen`,
      hint: "routes share a listener where match_sni or match_alpn says whose a connection is",
      about,
    };
    return;
  }
  const header = ({ route }: ListeningRoute) =>
    JSON.stringify([route.downstream_proxy_protocol, [...route.trusted_proxies].sort()]);
  if (header(one) !== header(two)) {
    yield {
      key: two.key,
      message: `"${address}" is shared with ${other}, whose PROXY header or trusted_proxies differ`,
      about,
    };
  }
  const names = one.route.match_sni.filter((name) => two.route.match_sni.includes(name));
  const sameNames = names.length > 0 ||
    (one.route.match_sni.length === 0 && two.route.match_sni.length === 0);
  const protocols = one.route.match_alpn.filter((name) => two.route.match_alpn.includes(name));
  const sameProtocols = protocols.length > 0 ||
    (one.route.match_alpn.length === 0 && two.route.match_alpn.length === 0);
  if (!sameNames || !sameProtocols) return;
  const what = [...names, ...protocols].map((name) => `"${name}"`).join(" and ");
  yield {
    key: two.key,
    message: `"${address}" is shared with ${other}, which matches ${what} as well`,
    about: [...about, `${other}.match_sni`, `${other}.match_alpn`],
  };
}

function* checkRoute(
  config: Config,
  route: StreamRouteConfig,
  key: string,
): Generator<Problem> {
  for (const [name, address] of listed(route)) {
    if (splitAuthority(address)?.port !== 0) continue;
    yield {
      key: `${key}.${name}`,
      message: `must have a port from 1 to 65535; found "${address}"`,
      hint: "every worker listens on the same port, so the configuration has to name it",
    };
  }
  yield* checkListeners(config, route, key);
  yield* checkUpstreams(route, key);
  yield* checkProxyProtocol(route, key);
  yield* checkTls(route, key);
}

/** Listeners, with their keys in the route. */
function listed({ listen, listen_tls }: StreamRouteConfig): (readonly [string, string])[] {
  return [
    ...listen.map((address, at) => [`listen[${at}]`, address] as const),
    ...listen_tls.map((address, at) => [`listen_tls[${at}]`, address] as const),
  ];
}

function* checkListeners(
  config: Config,
  route: StreamRouteConfig,
  key: string,
): Generator<Problem> {
  if (route.listen.length + route.listen_tls.length === 0) {
    yield { key: `${key}.listen`, message: "must have 1 to 64 entries, or listen_tls must" };
  }
  if (route.listen_tls.length === 0) return;
  const own = `${key}.listen_tls`;
  if (config.tls?.enabled !== true) {
    const message = "needs tls.enabled = true: its certificates are those of [tls]";
    yield { key: own, message, about: ["tls.enabled"] };
  } else if (config.tls.certificates.length === 0) {
    const message = "needs an entry of [[tls.certificates]], for clients that ask for no name";
    yield { key: own, message, about: ["tls.certificates"] };
  }
  if (matchesHello(route)) {
    yield {
      key: own,
      message: "ends TLS, and match_sni and match_alpn are for TLS that is passed on",
      hint: "make two routes of it",
      about: [`${key}.match_sni`, `${key}.match_alpn`],
    };
  }
  if (route.downstream_proxy_protocol !== "off") {
    yield {
      key: own,
      message: 'needs downstream_proxy_protocol = "off": no header is read before TLS there',
      about: [`${key}.downstream_proxy_protocol`],
    };
  }
}

function* checkUpstreams(route: StreamRouteConfig, key: string): Generator<Problem> {
  const { upstream, upstreams } = route;
  const about = [`${key}.upstream`];
  if (upstream !== undefined && upstreams.length > 0) {
    yield { key: `${key}.upstreams`, message: "must not be set together with upstream", about };
    return;
  }
  if (upstream === undefined && upstreams.length === 0) {
    yield { key: `${key}.upstream`, message: "is required, or upstreams in its place" };
    return;
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
  const total = route.upstream_weights.reduce((sum, weight) => sum + weight, 0);
  if (total > MAX_WEIGHTS) {
    const message = `must be at most ${MAX_WEIGHTS} in all; found ${total}`;
    yield { key: `${key}.upstream_weights`, message };
  }
  yield* checkChoices(route, key);
}

/** Backup and drain: entries of `upstreams`, in one list at most, and not all of them. */
function* checkChoices(route: StreamRouteConfig, key: string): Generator<Problem> {
  const { upstreams } = route;
  const known = new Set(upstreams.map(lower));
  const chosen = new Set<string>();
  let isRight = true;
  for (const name of CHOICES) {
    const about = [`${key}.upstreams`];
    for (const [at, entry] of route[name].entries()) {
      const own = `${key}.${name}[${at}]`;
      if (!known.has(lower(entry)) || upstreams.length < 2) {
        isRight = false;
        const message = upstreams.length < 2
          ? "needs at least two upstreams"
          : `"${entry}" is not one of the upstreams`;
        yield { key: own, message, about };
      } else if (chosen.has(lower(entry))) {
        isRight = false;
        const other = `${key}.${CHOICES[0]}`;
        yield { key: own, message: `"${entry}" is in ${other}, too`, about: [...about, other] };
      }
      chosen.add(lower(entry));
    }
  }
  if (!isRight || chosen.size === 0 || chosen.size < upstreams.length) return;
  const name = CHOICES.find((one) => route[one].length > 0) ?? CHOICES[0];
  yield {
    key: `${key}.${name}`,
    message: "must leave at least one upstream that is neither a backup nor drained",
    about: [`${key}.upstreams`, ...CHOICES.map((one) => `${key}.${one}`)],
  };
}

function* checkProxyProtocol(route: StreamRouteConfig, key: string): Generator<Problem> {
  const { downstream_proxy_protocol: down, trusted_proxies: trusted } = route;
  if (down !== "off" && trusted.length === 0) {
    yield {
      key: `${key}.downstream_proxy_protocol`,
      message: "needs trusted_proxies: a PROXY header is only believed from peers listed there",
      about: [`${key}.trusted_proxies`],
    };
  }
  if (down === "off" && trusted.length > 0) {
    yield {
      key: `${key}.trusted_proxies`,
      message: 'has no effect while downstream_proxy_protocol is "off"',
      about: [`${key}.downstream_proxy_protocol`],
      warning: true,
    };
  }
  if (route.upstream_proxy_protocol !== "off" && route.upstream_tls) {
    yield {
      key: `${key}.upstream_proxy_protocol`,
      message: 'must be "off" with upstream_tls',
      about: [`${key}.upstream_tls`],
    };
  }
}

function* checkTls(route: StreamRouteConfig, key: string): Generator<Problem> {
  const { upstream_tls: tls, upstream_verify_cert: verify } = route;
  const about = (...names: string[]) => names.map((name) => `${key}.${name}`);
  const literal = upstreamsOf(route).find((entry) => ipFamily(splitAuthority(entry)?.host ?? ""));
  if (tls && verify && route.upstream_sni === undefined && literal !== undefined) {
    yield {
      key: `${key}.upstream_sni`,
      message: `is required with upstream_verify_cert for the upstream ${literal}, an IP address`,
      hint: "name the host of the upstream's certificate",
      about: about("upstream_verify_cert", "upstream_tls"),
    };
  }
  if (!verify && route.upstream_verify_hostname) {
    yield {
      key: `${key}.upstream_verify_hostname`,
      message: "must be false when upstream_verify_cert is false",
      about: about("upstream_verify_cert"),
    };
  }
  if (route.upstream_ca_path !== undefined && !(tls && verify)) {
    yield {
      key: `${key}.upstream_ca_path`,
      message: "needs upstream_tls and upstream_verify_cert",
      about: about("upstream_tls", "upstream_verify_cert"),
    };
  }
  const cert = route.upstream_client_cert_path !== undefined;
  if (cert !== (route.upstream_client_key_path !== undefined)) {
    yield {
      key: `${key}.upstream_client_${cert ? "key" : "cert"}_path`,
      message: "is missing: a client certificate and its key go together",
      about: about("upstream_client_cert_path", "upstream_client_key_path"),
    };
  } else if (cert && !tls) {
    yield {
      key: `${key}.upstream_client_cert_path`,
      message: "needs upstream_tls",
      about: about("upstream_tls"),
    };
  }
  yield* withoutEffect(route, key);
}

function* withoutEffect(route: StreamRouteConfig, key: string): Generator<Problem> {
  for (const name of TLS_KEYS) {
    if (route.upstream_tls || route[name] === undefined) continue;
    yield {
      key: `${key}.${name}`,
      message: `"${route[name]}" has no effect without upstream_tls = true`,
      about: [`${key}.upstream_tls`],
      warning: true,
    };
  }
  if (!route.upstream_tls) return;
  if (!route.upstream_verify_cert) {
    yield {
      key: `${key}.upstream_verify_cert`,
      message: "is false: whoever answers at the upstream's address is believed",
      warning: true,
      security: true,
    };
  } else if (!route.upstream_verify_hostname && route.upstream_alternative_cn !== undefined) {
    yield {
      key: `${key}.upstream_alternative_cn`,
      message: "has no effect while upstream_verify_hostname is false",
      about: [`${key}.upstream_verify_hostname`],
      warning: true,
    };
  }
}

function lower(entry: string): string {
  return entry.toLowerCase();
}
