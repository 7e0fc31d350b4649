/**
 * The admin API: what an operator asks of a running gateway, over HTTP with a bearer token (spec 06 part A).
 * Its listeners are in the control service; operations on the running configuration and the snapshot store
 * are the keeper's.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Files, Grant, Module } from "../../gateway/module.ts";
import { splitAuthority } from "../../http/authority.ts";
import { draftOf } from "../../net/listen/socket_identity.ts";
import { healthListeners } from "../control/table.ts";
import { KEEPER_CALLS } from "./calls.ts";
import { commands } from "./cli/commands.ts";
import { runningGateway } from "./cli/running.ts";
import { adminSchema } from "./schema.ts";
import { adminOf, isLocal, MAX_TOKEN_BYTES, TABLES, tokenOf } from "./table.ts";
import { METRICS } from "./descriptions.ts";

export type { AdminConfig } from "./schema.ts";

const TOKEN = `the token must be 1 to ${MAX_TOKEN_BYTES} bytes`;

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "admin",
  schema: [{
    table: "admin",
    scopes: ["root"],
    schema: adminSchema,
    reload: "admin-service-changed",
  }],
  metrics: METRICS,
  manifest: {
    net: true,
    read: true,
    write: ["/run/fluxheim", "/var/lib/fluxheim"],
    env: ["FLUXHEIM_*"],
  },
  commands,
  runningGateway: (config) => Promise.resolve(runningGateway(config)),

  needs(config) {
    const admin = adminOf(config);
    if (admin === undefined) return {};
    const { listen, token_env, token_file, snapshot_store, ops_socket } = admin;
    const net: Grant[] = [
      { value: bound(listen), key: "admin.listen", for: "control", startOnly: true },
    ];
    const store: Grant = { value: snapshot_store, key: "admin.snapshot_store", for: "keeper" };
    const read = [store];
    const write = [store];
    const env: Grant[] = token_env === undefined
      ? []
      : (["keeper", "control"] as const).map((role): Grant => {
        return { value: token_env, key: "admin.token_env", for: role };
      });
    if (ops_socket.enabled) {
      const grant = { key: "admin.ops_socket.path", for: "control" } as const;
      const { directory, socket } = draftOf(ops_socket.path);
      // Connected to as well, to see whether another program serves it.
      net.push(...[ops_socket.path, socket].map((path) => ({ ...grant, value: `unix:${path}` })));
      for (const value of [ops_socket.path, directory]) {
        read.push({ ...grant, value });
        write.push({ ...grant, value });
      }
    }
    return {
      grants: { net, read, write, env },
      files: token_file === undefined ? [] : [{
        path: token_file,
        key: "admin.token_file",
        maxBytes: MAX_TOKEN_BYTES + 2,
        secret: "the token of the admin API",
        for: "control",
      }],
    };
  },

  check: (config) => [...takenTwice(config), ...forgeable(config)],
  checkFiles: (config, files) => tokenProblems(config, files),
  preflight: (config) => Promise.resolve([...variableProblems(config), ...socketProblems(config)]),

  threads: [{
    role: "control",
    wanted: (config) => adminOf(config) !== undefined,
    tables: TABLES,
    whenLost: "replace",
    asks: KEEPER_CALLS.map((name) => `keeper.${name}`),
  }],
  keeper: {
    wanted: (config) => adminOf(config) !== undefined,
    load: async () => (await import("./keeper.ts")).keeperPart(),
  },

  edge: async () => (await import("./edge.ts")).edge,
};

/** For port 0 the port is not known before it is bound. */
function bound(entry: string): string {
  return splitAuthority(entry)?.port === 0 ? entry.slice(0, entry.lastIndexOf(":")) : entry;
}

/** An address that something else is served on. */
function takenTwice(config: Config): Problem[] {
  const admin = adminOf(config);
  if (admin === undefined || splitAuthority(admin.listen)?.port === 0) return [];
  const { listen, tls_listen } = config.server;
  if (![...listen, ...tls_listen, ...healthListeners(config)].includes(admin.listen)) return [];
  const message = `must be an address of its own; something else is served on ${admin.listen}`;
  return [{ key: "admin.listen", message }];
}

/** On loopback every local process can send the header that names a certificate. */
function forgeable(config: Config): Problem[] {
  const admin = adminOf(config);
  if (admin === undefined || !isLocal(admin)) return [];
  const { required, allow_sha256, deny_sha256 } = admin.client_certificate;
  if (!required && allow_sha256.length === 0 && deny_sha256.length === 0) return [];
  return [{
    key: "admin.client_certificate",
    message: "protects little on a loopback address: any local process can send the header",
    hint: "keep the token secret; it is what protects the API there",
    warning: true,
    security: true,
  }];
}

function tokenProblems(config: Config, files: Files): Problem[] {
  const path = adminOf(config)?.token_file;
  const content = path === undefined ? undefined : files.get(path);
  if (path === undefined || content === undefined) return [];
  if (tokenOf(new TextDecoder().decode(content)) !== undefined) return [];
  return [{ key: "admin.token_file", message: `${TOKEN}, and ${path} has none` }];
}

function variableProblems(config: Config): Problem[] {
  const variable = adminOf(config)?.token_env;
  if (variable === undefined) return [];
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state !== "granted" || tokenOf(Deno.env.get(variable) ?? "") !== undefined) return [];
  return [{
    key: "admin.token_env",
    message: `${TOKEN}, and the environment variable ${variable} is not set or has none`,
    hint: `set ${variable}, or use admin.token_file`,
  }];
}

/** A file that is in the way of the socket. */
function socketProblems(config: Config): Problem[] {
  const socket = adminOf(config)?.ops_socket;
  if (socket?.enabled !== true) return [];
  if (Deno.permissions.querySync({ name: "read", path: socket.path }).state !== "granted") {
    return [];
  }
  try {
    if (Deno.lstatSync(socket.path).isSocket === true) return [];
  } catch {
    return [];
  }
  const message = `must name a socket or nothing; ${socket.path} is another kind of file`;
  return [{ key: "admin.ops_socket.path", message }];
}
