/**
 * Rules of `[server]` and `[logging]` that span keys (spec 01 section 2, spec 06 section D1).
 *
 * @module
 */
import { parseNetwork } from "../../net/ip.ts";
import { UNIX, unixPath } from "../../net/unix_address.ts";
import { isTable } from "../schema/schema_walk.ts";
import type { Config, Problem } from "../types.ts";

/** IPv6 prefixes shorter than this are believed, but not in silence. */
const BROAD_TRUST_BITS_V6 = 32;
/** Bit of a mode that lets everyone connect to a socket. */
const OTHERS_WRITE = 0o002;

/** Problems of `[server]`, in its key order; `default_vhost` is looked up last (`vhost_checks.ts`). */
export function serverProblems(config: Config): Problem[] {
  const { server } = config;
  const problems: Problem[] = [];
  const listens = server.listen.length + server.tls_listen.length > 0;
  if (!listens && !isEnabled(config, "stream") && !isEnabled(config, "udp")) {
    problems.push({
      key: "server.listen",
      message: "must have an entry, unless server.tls_listen has or a stream is enabled: " +
        "nothing would be served",
      about: ["server.tls_listen", "stream.enabled", "udp.enabled"],
    });
  }
  if (server.tls_listen.length > 0 && !isEnabled(config, "tls")) {
    problems.push({
      key: "server.tls_listen",
      message: "needs tls.enabled = true",
      about: ["tls.enabled"],
      hint:
        "TLS is never inferred from a port number: cleartext listeners belong into server.listen",
    });
  }
  problems.push(...broadTrust(server.trusted_proxies), ...socketProblems(config));
  if (server.proxy_protocol !== "off" && server.trusted_proxies.length === 0) {
    problems.push({
      key: "server.proxy_protocol",
      message:
        "needs server.trusted_proxies: a PROXY header is only believed from peers listed there",
      about: ["server.trusted_proxies"],
    });
  }
  if (server.real_ip_header !== "x-forwarded-for" && server.trusted_proxies.length === 0) {
    problems.push({
      key: "server.real_ip_header",
      message: "has no effect: no peer is trusted to name a client",
      hint: "list those that send the header in server.trusted_proxies",
      about: ["server.trusted_proxies"],
      warning: true,
    });
  }
  if (server.https_redirect.enabled && server.tls_listen.length === 0) {
    problems.push({
      key: "server.https_redirect.enabled",
      message: "needs at least one server.tls_listen to redirect to",
      about: ["server.tls_listen"],
    });
  }
  return problems;
}

/** Problems of unix listeners. */
function* socketProblems({ server }: Config): Generator<Problem> {
  const { listen, unix, trusted_proxies: trusted } = server;
  const sockets = listen.filter((entry) => unixPath(entry) !== undefined);
  for (const [index, entry] of listen.entries()) {
    if (unixPath(entry) === undefined || listen.indexOf(entry) === index) continue;
    yield {
      key: `server.listen[${index}]`,
      message: `must not be in the list twice (${entry})`,
    };
  }
  const trusts = trusted.indexOf(UNIX);
  if (sockets.length === 0) {
    if (trusts < 0) return;
    yield {
      key: `server.trusted_proxies[${trusts}]`,
      message: `"${UNIX}" has no effect: no entry of server.listen is a unix socket`,
      warning: true,
    };
    return;
  }
  if (server.proxy_protocol !== "off" && trusts < 0) {
    yield {
      key: "server.proxy_protocol",
      message: `needs "${UNIX}" in server.trusted_proxies for ${sockets[0]}: ` +
        "without it no peer of a unix socket may send a PROXY header, and every connection is closed",
    };
  }
  if (trusts >= 0 && (parseInt(unix.mode, 8) & OTHERS_WRITE) !== 0) {
    yield {
      key: "server.unix.mode",
      message: `"${unix.mode}" lets every user of this machine connect, and "${UNIX}" in ` +
        "server.trusted_proxies believes what they say about their address",
      warning: true,
      security: true,
    };
  }
}

/** Tables without which a field of the access record is empty. */
const FIELD_TABLES: Readonly<Record<string, string>> = {
  geo_country: "geoip",
  geo_asn: "geoip",
  trace_id: "tracing",
  span_id: "tracing",
};

/** Problems of `[logging]`. */
export function loggingProblems(config: Config): Problem[] {
  const { logging } = config;
  const problems: Problem[] = [];
  const { file, syslog, access } = logging;
  if (file.enabled && file.path === undefined) {
    problems.push({
      key: "logging.file.path",
      message: "is required when logging.file.enabled is true",
      about: ["logging.file.enabled"],
    });
  }
  if (file.enabled && syslog.enabled) {
    problems.push({
      key: "logging.syslog.enabled",
      message: "must not be true when logging.file.enabled is: records go to one place",
      about: ["logging.file.enabled"],
    });
  }
  if (syslog.enabled && syslog.address.startsWith("udp:") && syslog.address.endsWith(":0")) {
    problems.push({ key: "logging.syslog.address", message: "must have a port from 1 to 65535" });
  }
  for (const [index, name] of (access.fields ?? []).entries()) {
    const table = FIELD_TABLES[name];
    if (table === undefined || isEnabled(config, table)) continue;
    problems.push({
      key: `logging.access.fields[${index}]`,
      message: `has no effect: ${name} is empty while ${table}.enabled is not true`,
      warning: true,
      about: [`${table}.enabled`],
    });
  }
  const isCombined = access.format === "combined";
  if (isCombined && (access.fields !== undefined || Object.keys(access.rename).length > 0)) {
    problems.push({
      key: "logging.access.format",
      message: "of combined has fixed fields: access.fields and access.rename have no effect",
      warning: true,
    });
  }
  return problems;
}

function broadTrust(proxies: readonly string[]): Problem[] {
  return proxies.flatMap((entry, i): Problem[] => {
    const network = parseNetwork(entry);
    if (network?.family !== 6 || network.prefix >= BROAD_TRUST_BITS_V6) return [];
    return [{
      key: `server.trusted_proxies[${i}]`,
      message:
        `trusts the forwarding information of all of ${entry}, more than one provider's network`,
      warning: true,
      security: true,
    }];
  });
}

/** Whether the table of a module, which may not be in this build, is switched on. */
function isEnabled(config: Config, table: string): boolean {
  const tables: object = config;
  const value: unknown = Reflect.get(tables, table);
  return isTable(value) && value.enabled === true;
}
