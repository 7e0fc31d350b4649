/**
 * The control service: serves whether the process lives and is ready, on addresses of its own and in a
 * thread of its own, so that it answers while the edge workers drain, are replaced, or have no descriptor
 * left.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Grant, Module } from "../../gateway/module.ts";
import { splitAuthority } from "../../http/authority.ts";
import { draftOf } from "../../net/listen/socket_identity.ts";
import { UNIX, unixPath } from "../../net/unix_address.ts";
import { controlHostsSchema, healthSchema } from "./schema.ts";
import { healthListeners, TABLES } from "./table.ts";

export type { HealthConfig } from "./schema.ts";

const KEY = "server.health.listen";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "control",
  schema: [
    {
      table: "server.health",
      scopes: ["root"],
      schema: healthSchema,
      reload: "listener-changed",
    },
    {
      table: "server.control_hosts",
      scopes: ["root"],
      schema: controlHostsSchema,
      reload: "live",
    },
  ],
  manifest: { net: true },

  needs(config) {
    const net: Grant[] = [];
    const read: Grant[] = [];
    const write: Grant[] = [];
    for (const [index, entry] of healthListeners(config).entries()) {
      const grant = { key: `${KEY}[${index}]`, for: "control" } as const;
      const path = unixPath(entry);
      if (path === undefined) {
        net.push({ ...grant, value: bound(entry), startOnly: true });
        continue;
      }
      const { directory, socket } = draftOf(path);
      // Connected to as well, to see whether another program serves it.
      for (const value of [entry, UNIX + socket]) net.push({ ...grant, value, startOnly: true });
      for (const value of [path, directory]) {
        read.push({ ...grant, value });
        write.push({ ...grant, value });
      }
    }
    return { grants: { net, read, write } };
  },

  check: takenTwice,

  threads: [{
    role: "control",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => healthListeners(config).length > 0,
    tables: TABLES,
    whenLost: "replace",
    asks: [],
  }],

  edge: async () => (await import("./edge.ts")).edge,
};

/** For port 0 the port is not known before it is bound. */
function bound(entry: string): string {
  return splitAuthority(entry)?.port === 0 ? entry.slice(0, entry.lastIndexOf(":")) : entry;
}

/** An address that requests and health checks cannot both have. */
function takenTwice(config: Config): Problem[] {
  const { listen, tls_listen } = config.server;
  return healthListeners(config).flatMap((entry, index): Problem[] => {
    if (![...listen, ...tls_listen].includes(entry) || splitAuthority(entry)?.port === 0) return [];
    return [{
      key: `${KEY}[${index}]`,
      message: `must be an address of its own; requests are served on ${entry}`,
    }];
  });
}
