/** What the routes of `[udp]` do with a datagram, for `fluxheim explain udp://...`. @module */
import type { Config } from "../../config/types.ts";
import type { AskedConnection, ConnectionExplanation } from "../../gateway/connection_explained.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import type { UdpMode } from "./schema.ts";
import { udpRoutes, upstreamsOf } from "./table.ts";

const MODE_TEXT: Readonly<Record<UdpMode, string>> = {
  "dns-load-balance": "one answer for each question, from a socket of its own",
  "syslog-forward": "one way: no answer is expected or passed on",
  "quic-pass-through": "sessions by connection id, begun by a client's first packet",
  "game-proxy": "sessions by the client's address and port",
};

/** What becomes of a datagram to `asked`; nothing where there are no routes. */
export function explainUdp(
  config: Config,
  asked: AskedConnection,
): ConnectionExplanation | undefined {
  if (asked.transport !== "udp") return undefined;
  const routes = udpRoutes(config);
  if (routes.length === 0) return undefined;
  const listening = routes.flatMap((route) => route.listen.map((address) => ({ route, address })));
  const chosen = listening.find(({ address }) => {
    const at = splitAuthority(address);
    if (at?.port !== asked.port) return false;
    return ipFamily(asked.host) === 0 || [asked.host, "0.0.0.0", "::"].includes(at.host);
  });
  const listeners = listening.map((one) => ({
    name: one.address,
    taken: one === chosen,
    reason: one === chosen ? "udp on its port" : "listens elsewhere",
  }));
  const module = "udp-proxy";
  if (chosen === undefined) {
    return { module, listeners, routes: [], steps: [], outcome: "no route listens there" };
  }
  const { route } = chosen;
  const health = route.passive_health_enabled && route.mode !== "syslog-forward"
    ? `left out for ${route.passive_health_ejection_secs} s after ${route.passive_health_failures} missing answers`
    : "never left out";
  return {
    module,
    listeners,
    routes: [{ name: route.name, taken: true, reason: MODE_TEXT[route.mode] }],
    steps: [
      ["size", `at most ${route.max_datagram_bytes} bytes each way`],
      [
        "sessions",
        `at most ${route.max_sessions} in all, ${route.max_sessions_per_source} of ${asked.from}`,
      ],
      ["upstreams", `${upstreamsOf(route).join(", ")}; ${health}`],
      ["answers", `at most ${route.max_responses_per_source_per_second} a second to ${asked.from}`],
    ],
    outcome: "passed on to the upstream whose turn it is",
  };
}
