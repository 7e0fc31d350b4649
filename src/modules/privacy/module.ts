/**
 * Privacy mode: the gateway keeps nothing about who asked for what (spec 01 section 9).
 *
 * The rules are few because most of them are absences. A build with this module has no cache, metrics,
 * traces or compression (a set with them is refused), nothing that writes access records or files (its
 * profile has no `records`), and no permission to write. The header policy, the proxy and the log look
 * whether this module is there, and leave addresses out.
 *
 * @module
 */
import { DEFAULT_PID_FILE } from "../../config/schema/server_schema.ts";
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { Module } from "../../gateway/module.ts";
import { unixPath } from "../../net/unix_address.ts";
import { healthListeners } from "../control/table.ts";
import type { ProxyConfig } from "../proxy/module.ts";

/** The module `privacy-mode`. */
export const module: Module = {
  name: "privacy-mode",
  schema: [],
  defaults: [{ path: ["logging", "access", "enabled"], value: false }],
  manifest: {},
  check: (config) => [...retained(config), ...disclosed(config), ...sockets(config)],
  edge: async () => (await import("./edge.ts")).edge,
};

/** What a configuration would have written down; of the pid file only one that the operator chose. */
function retained({ logging, server }: Config): Problem[] {
  const problems: Problem[] = [];
  if (logging.access.enabled) {
    problems.push({
      key: "logging.access.enabled",
      message: "must be false: a privacy build keeps no record of requests",
    });
  }
  if (logging.file.enabled) {
    problems.push({
      key: "logging.file.enabled",
      message: "must be false: a privacy build writes no file",
      hint: "what it says goes to standard error",
    });
  }
  if (logging.syslog.enabled) {
    problems.push({
      key: "logging.syslog.enabled",
      message: "must be false: a privacy build hands its log to no other program",
      hint: "what it says goes to standard error",
    });
  }
  const { pid_file, notify_socket } = server.process;
  if (notify_socket !== undefined) {
    problems.push({
      key: "server.process.notify_socket",
      message: "must be left out: a privacy build writes to no socket",
      hint: "use Type=simple",
    });
  }
  if (pid_file !== DEFAULT_PID_FILE) {
    problems.push({
      key: "server.process.pid_file",
      message: `has no effect: a privacy build writes no file (${pid_file})`,
      hint: "leave it out",
      warning: true,
    });
  }
  return problems;
}

/** Where a configuration would name the client to an upstream, outside of the fields that are left out anyway. */
function disclosed(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const scope of scopesOf(config)) {
    const proxy: ProxyConfig | undefined = ownTables(scope).proxy;
    if (proxy === undefined) continue;
    problems.push(...remembered(proxy, proxy === config.proxy ? "proxy" : `${scope.key}.proxy`));
    if (proxy.upstream_proxy_protocol === "off") continue;
    const key = proxy === config.proxy ? "proxy" : `${scope.key}.proxy`;
    problems.push({
      key: `${key}.upstream_proxy_protocol`,
      message:
        `must be "off": a privacy build gives no upstream the client's address, which is what ` +
        `a PROXY header is for; found "${proxy.upstream_proxy_protocol}"`,
      hint: "leave it out, and let the upstream expect no PROXY header",
    });
  }
  return problems;
}

/** Keys of pools that would remember clients. Read by shape: few such builds have pools. */
function remembered(proxy: ProxyConfig, key: string): Problem[] {
  const problems: Problem[] = [];
  const policy: unknown = Reflect.get(proxy, "load_balance");
  if (typeof policy !== "object" || policy === null) return problems;
  const persistence: unknown = Reflect.get(policy, "persistence");
  if (
    typeof persistence === "object" && persistence !== null &&
    Reflect.get(persistence, "enabled") === true
  ) {
    problems.push({
      key: `${key}.load_balance.persistence.enabled`,
      message: "must be false: a privacy build remembers no client",
    });
  }
  if (Reflect.get(policy, "runtime_state_file") !== undefined) {
    problems.push({
      key: `${key}.load_balance.runtime_state_file`,
      message: "must be left out: a privacy build writes no file",
    });
  }
  return problems;
}

/** Unix sockets: to bind or to use one needs write permission. */
function sockets(config: Config): Problem[] {
  const problems = config.server.listen.flatMap((entry, index) =>
    unixPath(entry) === undefined ? [] : [noSocket(`server.listen[${index}]`, entry)]
  );
  for (const [index, entry] of healthListeners(config).entries()) {
    if (unixPath(entry) !== undefined) {
      problems.push(noSocket(`server.health.listen[${index}]`, entry));
    }
  }
  for (const scope of scopesOf(config)) {
    const proxy: ProxyConfig | undefined = ownTables(scope).proxy;
    if (proxy === undefined) continue;
    const key = proxy === config.proxy ? "proxy" : `${scope.key}.proxy`;
    const { upstream, upstreams } = proxy;
    if (upstream !== undefined && unixPath(upstream) !== undefined) {
      problems.push(noSocket(`${key}.upstream`, upstream));
    }
    for (const [index, entry] of upstreams.entries()) {
      if (unixPath(entry) !== undefined) {
        problems.push(noSocket(`${key}.upstreams[${index}]`, entry));
      }
    }
  }
  return problems;
}

function noSocket(key: string, address: string): Problem {
  return {
    key,
    message: `must not be a unix socket: a privacy build may write nothing, and the runtime asks ` +
      `for write permission to use one; found "${address}"`,
    hint: "use an address and port of 127.0.0.1 or [::1]",
  };
}
