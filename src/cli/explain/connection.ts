/** Explaining a connection that is not HTTP: `fluxheim explain tcp://...`. @module */
import type { Config } from "../../config/types.ts";
import type { AskedConnection, ConnectionExplanation } from "../../gateway/connection_explained.ts";
import type { Module } from "../../gateway/module.ts";
import { splitAuthority } from "../../http/authority.ts";
import { canonicalIp } from "../../net/ip.ts";
import type { CommandArgs } from "../../gateway/command.ts";
import { UsageError } from "../args.ts";
import { table } from "../table.ts";

const URL_FORM = /^(tcp|udp):\/\/([^/?#]*)\/?$/i;

/** Options that are about requests. */
const OF_REQUESTS = ["method", "header"] as const;
/** Options that are about connections. */
const OF_CONNECTIONS = ["sni", "alpn"] as const;

/**
 * Reads operand and options, where the operand is `tcp://` or `udp://` with a host and a port.
 *
 * @returns `undefined` for another URL.
 * @throws {UsageError}
 */
export function askedConnection(url: string, args: CommandArgs): AskedConnection | undefined {
  if (!/^(?:tcp|udp):/i.test(url)) {
    for (const name of OF_CONNECTIONS) {
      if (args.has(name)) throw new UsageError(`--${name} is for tcp:// and udp:// addresses`);
    }
    return undefined;
  }
  const [, transport = "", authority = ""] = URL_FORM.exec(url) ?? [];
  const at = splitAuthority(authority);
  if (at === undefined || at.port === 0) {
    throw new UsageError(`"${url}" is not an address like tcp://127.0.0.1:5432`);
  }
  for (const name of OF_REQUESTS) {
    if (args.has(name)) throw new UsageError(`--${name} is for http:// and https:// addresses`);
  }
  const given = args.get("from") ?? "127.0.0.1";
  const from = canonicalIp(given);
  if (from === undefined) throw new UsageError(`--from "${given}" is not an IP address`);
  return {
    transport: transport.toLowerCase() === "udp" ? "udp" : "tcp",
    host: at.host,
    port: at.port,
    from,
    serverName: args.get("sni") ?? "",
    protocols: args.all("alpn"),
  };
}

/** What the modules of a build say about a connection; the first of those that take it comes first. */
export function explainConnection(
  config: Config,
  modules: readonly Module[],
  asked: AskedConnection,
): readonly ConnectionExplanation[] {
  const found = modules.flatMap((module) => module.explainConnection?.(config, asked) ?? []);
  const taking = found.filter(({ listeners }) => listeners.some(({ taken }) => taken));
  return taking.length > 0 ? taking : found;
}

/** The explanations as lines. */
export function connectionText(
  asked: AskedConnection,
  found: readonly ConnectionExplanation[],
): string[] {
  const name = asked.serverName === "" ? "" : ` for ${asked.serverName}`;
  const host = asked.host.includes(":") ? `[${asked.host}]` : asked.host;
  const lines = [`${asked.transport}://${host}:${asked.port}${name} from ${asked.from}`];
  if (found.length === 0) lines.push("", "outcome", "  nothing listens for it");
  for (const { module, listeners, routes, steps, outcome } of found) {
    for (const [title, considered] of [["listener", listeners], ["route", routes]] as const) {
      if (considered.length === 0) continue;
      const rows = considered.map((
        { name, taken, reason },
      ) => [taken ? "  *" : "   ", name, reason]);
      lines.push("", title, ...table(rows));
    }
    if (steps.length > 0) {
      lines.push(
        "",
        "steps, in order",
        ...table(steps.map(([what, detail]) => [`  ${what}`, detail])),
      );
    }
    lines.push("", "outcome", `  ${module}: ${outcome}`);
  }
  return lines;
}
