/**
 * What operators who come from another gateway write at first, and what to write here.
 *
 * @module
 */
import type { Path } from "../schema/schema_walk.ts";

/** Keys of other gateways, by the table they are in, `*` for any; each with what to write. */
const FOREIGN_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vhosts: {
    server_name: 'write hosts = ["example.com"]',
    domain: 'write hosts = ["example.com"]',
    domains: 'write hosts = ["example.com"]',
    listen: "listeners are those of [server]: listen and tls_listen",
    root: "write [vhosts.web] with root",
    upstream: "write [vhosts.proxy] with upstream",
    proxy_pass: "write [vhosts.proxy] with upstream",
    location: "write [[vhosts.routes]] with path_prefix",
    locations: "write [[vhosts.routes]] with path_prefix",
    route: "write [[vhosts.routes]] with two brackets, for each route",
  },
  "vhosts.routes": {
    prefix: "did you mean path_prefix?",
    path: "write path_prefix for a path and all below it, path_exact for the path alone",
    location: "write path_prefix for a path and all below it, path_exact for the path alone",
    regex: "did you mean path_regex?",
    root: "write [vhosts.routes.web] with root",
    upstream: "write [vhosts.routes.proxy] with upstream",
    proxy_pass: "write [vhosts.routes.proxy] with upstream",
    to: "write [vhosts.routes.redirect] with to",
    return: "write [vhosts.routes.respond] with status, or [vhosts.routes.redirect] with to",
  },
  server: {
    port: 'write listen = ["0.0.0.0:80"]',
    ports: 'write listen = ["0.0.0.0:80"]',
    workers: "write [server.process] with threads",
    threads: "write [server.process] with threads",
  },
  tls: {
    cert: "write [[tls.certificates]] with cert_path and key_path",
    key: "write [[tls.certificates]] with cert_path and key_path",
    certificate: "write [[tls.certificates]] with cert_path and key_path",
  },
  proxy: {
    url: "did you mean upstream?",
    target: "did you mean upstream?",
    backend: "did you mean upstream?",
    servers: "did you mean upstreams?",
    timeout: "write connect_timeout_secs, read_timeout_secs or send_timeout_secs",
    connect_timeout: "write connect_timeout_secs, in seconds",
    read_timeout: "write read_timeout_secs, in seconds",
    send_timeout: "write send_timeout_secs, in seconds",
  },
};

/** The key that a text in place of a table is for. */
const MAIN_KEYS: Readonly<Record<string, string>> = {
  proxy: "upstream",
  web: "root",
  redirect: "to",
  respond: "body",
  auth_basic: "users_file",
  auth_jwt: "keys_file",
  secure_link: "secret_file",
};

const SECONDS: Readonly<Record<string, number>> = { s: 1, sec: 1, m: 60, min: 60, h: 3600 };

/** What to write for the unknown key `key` of the table at `path`, where other gateways have it. */
export function foreignKeyHint(path: Path, key: string): string | undefined {
  const names = path.filter((part) => typeof part === "string");
  const table = FOREIGN_KEYS[names.join(".")] ?? FOREIGN_KEYS[names.at(-1) ?? ""];
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

/** What to write for the value `input` of the key at `path`, where the mistake is a known one. */
export function valueHint(path: Path, input: unknown): string | undefined {
  const key = path.findLast((part) => typeof part === "string") ?? "";
  if (key === "listen" || key === "tls_listen") return listenHint(input, path.at(-1) === key);
  if (typeof input !== "string") return undefined;
  if (key.endsWith("_secs")) return secondsHint(key, input);
  if (key === "upstream" || key === "upstreams") return upstreamHint(input);
  if (key === "hosts" && (input === "*" || input === "_")) {
    return "the first vhost, or server.default_vhost, serves every host that no other one names";
  }
  const main = Object.hasOwn(MAIN_KEYS, key) ? MAIN_KEYS[key] : undefined;
  return main === undefined ? undefined : `write ${key}.${main} = ${JSON.stringify(input)}`;
}

function listenHint(input: unknown, isWhole: boolean): string | undefined {
  if (typeof input !== "string" && typeof input !== "number") return undefined;
  const port = /^(?:\*|localhost)?:?(\d{1,5})$/.exec(String(input))?.[1];
  if (port === undefined) return undefined;
  const host = String(input).startsWith("localhost") ? "127.0.0.1" : "0.0.0.0";
  const address = `"${host}:${port}"`;
  const all = host === "0.0.0.0" ? `; "[::]:${port}" for IPv6` : "";
  return `write ${isWhole ? `[${address}]` : address}${all}`;
}

function secondsHint(key: string, input: string): string | undefined {
  const [, digits, unit] = /^(\d{1,6}) ?(s|sec|m|min|h)?$/.exec(input.trim()) ?? [];
  if (digits === undefined) return undefined;
  return `write ${key} = ${Number(digits) * (unit === undefined ? 1 : SECONDS[unit])}, in seconds`;
}

function upstreamHint(input: string): string | undefined {
  const url = /^(https?):\/\/([^/?#]+)/.exec(input);
  if (url !== null) {
    const [, scheme, host] = url;
    const port = /:\d+$/.test(host) ? "" : scheme === "https" ? ":443" : ":80";
    const tls = scheme === "https" ? ", with upstream_tls = true" : "";
    return `write "${host}${port}"${tls}`;
  }
  return /^[A-Za-z0-9._-]+$/.test(input) ? `write "${input}:80", with its port` : undefined;
}
