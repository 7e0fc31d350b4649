/** The keys of `[[udp.routes]]` (spec 01 section 11), and what a configuration needs. */
import assert from "node:assert/strict";
import { loadText } from "../../config/load.ts";
import { module } from "./module.ts";

const LISTEN = 'listen = ["127.0.0.1:53"]';
const UPSTREAM = 'upstream = "192.0.2.1:53"';
const PAIR = 'upstreams = ["192.0.2.1:53", "192.0.2.2:53"]';

function load(text: string) {
  return loadText(text, module.schema, module.check === undefined ? [] : [module.check]);
}

function routeText(keys: string): string {
  const name = /^name\b/m.test(keys) ? "" : 'name = "dns"';
  const listen = /^listen\b/m.test(keys) ? "" : LISTEN;
  return `[[udp.routes]]\n${name}\n${listen}\n${keys}\n`;
}

function said(...routes: string[]): string[] {
  const { problems } = load(`[udp]\nenabled = true\n${routes.map(routeText).join("")}`);
  return problems.map(({ key, message, warning }) =>
    `${warning === true ? "warning " : ""}${key?.replace("udp.routes", "") ?? ""}: ${message}`
  );
}

function fits(keys: string): void {
  assert.deepEqual(said(keys), [], keys);
}

function refused(keys: string, pattern: RegExp): void {
  const problems = said(keys);
  assert.ok(problems.some((problem) => pattern.test(problem)), `${keys}\n${problems.join("\n")}`);
}

Deno.test("an empty table that is off is accepted, and routes go with enabled", () => {
  assert.deepEqual(load("[udp]\nenabled = false\n").problems, []);
  const problems = (text: string) => load(text).problems.map(({ key }) => key);
  assert.ok(problems("[udp]\nenabled = true\n").includes("udp.routes"));
  assert.ok(problems(`[udp]\n${routeText(UPSTREAM)}`).includes("udp.routes"));
});

Deno.test("every mode is known by its name, and no other", () => {
  for (const mode of ["dns-load-balance", "syslog-forward", "quic-pass-through", "game-proxy"]) {
    fits(`${UPSTREAM}\nmode = "${mode}"`);
  }
  refused(`${UPSTREAM}\nmode = "quic_pass_through"`, /^\[0\]\.mode/);
});

Deno.test("names and listeners belong to one route", () => {
  const [name] = said(UPSTREAM, `name = "DNS"\nlisten = ["127.0.0.1:54"]\n${UPSTREAM}`);
  assert.match(name, /^\[1\]\.name: "DNS" is the name of another route/);
  const [listen] = said(UPSTREAM, `name = "other"\n${UPSTREAM}`);
  assert.match(listen, /^\[1\]\.listen\[0\]: "127\.0\.0\.1:53" belongs to another route/);
  refused(`listen = ["127.0.0.1:0"]\n${UPSTREAM}`, /^\[0\]\.listen\[0\]: must have a port/);
});

Deno.test("upstreams are addresses, in one form, with a weight and an alias for each", () => {
  refused("", /^\[0\]\.upstream: is required/);
  refused(`${UPSTREAM}\n${PAIR}`, /^\[0\]\.upstreams: must not be set together/);
  refused('upstream = "dns.test:53"', /^\[0\]\.upstream: must have an IP address/);
  refused('upstreams = ["192.0.2.1:53", "dns.test:53"]', /^\[0\]\.upstreams\[1\]: must have an IP/);
  fits(`${PAIR}\nupstream_weights = [1, 2]\nupstream_aliases = ["a", "b"]`);
  refused(`${PAIR}\nupstream_weights = [1]`, /^\[0\]\.upstream_weights: must have one entry/);
  refused(`${UPSTREAM}\nupstream_aliases = ["a"]`, /^\[0\]\.upstream_aliases: needs upstreams/);
});

Deno.test("every bound has its limits", () => {
  for (
    const [key, least, most] of [
      ["max_datagram_bytes", 1, 65_507],
      ["max_sessions", 0, 1_000_000],
      ["max_sessions_per_source", 0, 1_000_000],
      ["max_responses_per_source_per_second", 0, 1_000_000],
      ["passive_health_failures", 1, 1_000],
      ["passive_health_ejection_secs", 1, 86_400],
    ] as const
  ) {
    fits(`${UPSTREAM}\n${key} = ${least}`);
    fits(`${UPSTREAM}\n${key} = ${most}`);
    refused(`${UPSTREAM}\n${key} = ${least - 1}`, new RegExp(`^\\[0\\]\\.${key}`));
    refused(`${UPSTREAM}\n${key} = ${most + 1}`, new RegExp(`^\\[0\\]\\.${key}`));
  }
  refused(
    `${UPSTREAM}\nidle_timeout_secs = 2`,
    /^\[0\]\.response_timeout_secs: must be at most idle_timeout_secs, which is 2/,
  );
});

Deno.test("a route that others can reach says who its clients are", () => {
  const open = `listen = ["0.0.0.0:53"]\n${UPSTREAM}`;
  refused(open, /^\[0\]\.client_ranges: is required/);
  const [warning, ...others] = said(`${open}\nclient_ranges = ["10.0.0.0/8"]`);
  assert.match(warning, /^warning \[0\]\.listen: answers DNS beyond this machine/);
  assert.deepEqual(others, []);
  assert.deepEqual(said(`${open}\nmode = "syslog-forward"`), []);
  refused(
    `${open}\nclient_ranges = ["fd00::/8"]`,
    /client_ranges\[0\]: must be an address or an IPv4/,
  );
});

function netOf(keys: string): string[] {
  const { config } = load(`[udp]\nenabled = true\n${routeText(keys)}`);
  assert.ok(config !== undefined);
  const net = module.needs!(config, { workers: 1, name: () => "" }).grants?.net ?? [];
  assert.ok(net.every((grant) => grant.for === "udp"));
  return net.map(({ value, startOnly }) => startOnly === true ? `${value} at first` : value);
}

Deno.test("the service may send to the upstreams and the clients, and to no one else", () => {
  assert.deepEqual(netOf(`${UPSTREAM}\nclient_ranges = ["10.0.0.0/8", "2001:db8::1"]`), [
    "192.0.2.1:53",
    "0.0.0.0:0",
    "10.0.0.0/8",
    "[2001:db8::1]",
    "127.0.0.1:53 at first",
  ]);
  assert.deepEqual(netOf(`mode = "syslog-forward"\nupstream = "[2001:db8::1]:514"`), [
    "[2001:db8::1]:514",
    "[::]:0",
    "127.0.0.1:53 at first",
  ]);
});
