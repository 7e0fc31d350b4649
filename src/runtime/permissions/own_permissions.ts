/**
 * What the gateway itself needs the runtime to allow, whatever modules are in it: its listeners, its
 * configuration, its log and pid files.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config/types.ts";
import type { ListenerNeed, Manifest, Module } from "../../gateway/module.ts";
import { writesNothing } from "./writes_nothing.ts";
import { draftOf } from "../../net/listen/socket_identity.ts";
import { UNIX, unixPath } from "../../net/unix_address.ts";
import { pathOf, portOf } from "../listeners.ts";
import { INSPECTOR_GRANT } from "./inspector_port.ts";
import type { PlannedGrant } from "./planned_grant.ts";
import { NOTIFY_VARIABLE, ownSocket, WATCHDOG_VARIABLE } from "../notify_socket.ts";
import { pidFileDraft, syslogSocket } from "../pid_file_draft.ts";

/** Overrides `logging.level`; read once at start, if the runtime allows it. */
export const LEVEL_VARIABLE = "FLUXHEIM_LOG";

/** Stands in for `--config` (spec 01 section 6.1). */
export const CONFIG_VARIABLE = "FLUXHEIM_CONFIG";

/** Makes the runtime write TLS secrets to a file, without any permission; refused at start. */
export const KEY_LOG_VARIABLE = "SSLKEYLOGFILE";

/** Says that sockets were handed to this process: they are outside of every permission; refused at start. */
export const SOCKETS_VARIABLE = "LISTEN_FDS";

/** What a plan must know beside the configuration. */
export interface PlanOptions {
  /** The file or directory given as `--config`, absolute; read again at every reload. */
  readonly configSource?: string | undefined;
  /**
   * Whether the program is a compiled one, which carries its modules inside and has no inspector. Unless
   * given, whether this program is.
   */
  readonly standalone?: boolean;
}

/**
 * The directory of this program's own modules, which the keeper must be able to read: the runtime loads
 * the modules of a worker with the permissions of the thread that starts it.
 */
const OWN_MODULES = dirname(fileURLToPath(new URL("..", import.meta.url)));

/** Directories that the packages give the service; the only places a compiled build may write to. */
const SERVICE_DIRECTORIES = ["/run/fluxheim", "/run/systemd/notify", "/var/log/fluxheim"];

/** The gateway's share of ring 2. */
export function ownGrants(
  config: Config,
  modules: readonly Module[],
  listeners: readonly ListenerNeed[],
  { configSource, standalone = Deno.build.standalone }: PlanOptions,
): readonly PlannedGrant[] {
  const grants: PlannedGrant[] = listeners.flatMap(listenerGrants);
  if (!standalone) {
    grants.push(keeper("read", OWN_MODULES, "the program itself"));
    grants.push(once(optional("net", INSPECTOR_GRANT, "to keep the inspector shut")));
  }
  if (configSource !== undefined) {
    grants.push(keeper("read", configSource, "--config"));
    // A single file may ask for the directory beside it; a directory contains its own.
    const directory = dirname(configSource);
    if (configSource.endsWith(".toml")) {
      grants.push(optional("read", join(directory, "conf.d"), "include_conf_d"));
    }
  }
  const { file, syslog } = config.logging;
  if (file.enabled && file.path !== undefined) {
    // Opened again when it was put aside, by this program or by another one.
    for (const path of [file.path, ...putAside(file.path, file)]) {
      grants.push(keeper("read", path, "logging.file.path"));
      grants.push(keeper("write", path, "logging.file.path"));
    }
  }
  if (syslog.enabled) grants.push(...syslogGrants(syslog.address, config.server.process.pid_file));
  if (!writesNothing(modules)) {
    const path = config.server.process.pid_file;
    for (const value of [path, pidFileDraft(path)]) {
      grants.push(optional("read", value, "server.process.pid_file"));
      grants.push(optional("write", value, "server.process.pid_file"));
    }
  }
  const { notify_socket } = config.server.process;
  if (notify_socket !== undefined && !writesNothing(modules)) {
    const key = "server.process.notify_socket";
    for (const value of [notify_socket, ownSocket(config)]) {
      grants.push(keeper("net", UNIX + value, key));
      grants.push(keeper("read", value, key), keeper("write", value, key));
    }
    grants.push(once(optional("env", NOTIFY_VARIABLE, key)));
    grants.push(once(optional("env", WATCHDOG_VARIABLE, key)));
  }
  // Not being able to read it would mean other defaults than the operator asked for.
  grants.push(once(optional("env", CONFIG_VARIABLE, "--config")));
  grants.push(once(optional("env", LEVEL_VARIABLE, "logging.level")));
  grants.push(once(optional("env", KEY_LOG_VARIABLE, "server.tls_listen")));
  grants.push(once(optional("env", SOCKETS_VARIABLE, "server.listen")));
  // File safety checks compare owners with the user this runs as.
  grants.push(once(optional("sys", "uid", "--config")));
  return grants;
}

/** Names of files that are put aside; none unless their size is bounded. */
function putAside(
  path: string,
  { max_bytes, max_files }: Config["logging"]["file"],
): readonly string[] {
  if (max_bytes === undefined) return [];
  return Array.from({ length: max_files }, (_, index) => `${path}.${index + 1}`);
}

function syslogGrants(address: string, pidFile: string): readonly PlannedGrant[] {
  const key = "logging.syslog.address";
  const path = unixPath(address);
  if (path !== undefined) {
    return [path, syslogSocket(pidFile)].flatMap((socket) => [
      keeper("net", UNIX + socket, key),
      keeper("read", socket, key),
      keeper("write", socket, key),
    ]);
  }
  const server = address.slice("udp:".length);
  const own = server.startsWith("[") ? "[::]:0" : "0.0.0.0:0";
  return [keeper("net", server, key), keeper("net", own, key)];
}

/** The gateway's share of ring 1: addresses and the places of configurations are the operator's choice. */
export function ownManifest(modules: readonly Module[]): Manifest {
  const manifest: Manifest = {
    net: true,
    read: true,
    env: [LEVEL_VARIABLE, KEY_LOG_VARIABLE, SOCKETS_VARIABLE, CONFIG_VARIABLE],
    sys: ["uid"],
  };
  if (writesNothing(modules)) return manifest;
  const env = [LEVEL_VARIABLE, KEY_LOG_VARIABLE, SOCKETS_VARIABLE, CONFIG_VARIABLE];
  return {
    ...manifest,
    env: [...env, NOTIFY_VARIABLE, WATCHDOG_VARIABLE],
    write: SERVICE_DIRECTORIES,
  };
}

/**
 * What the workers need to bind a listener. For port 0 the port is not known before it is bound, so the plan
 * has the whole address; the workers' own grants name the port that was found.
 *
 * A TLS listener may have to be bound again, when new certificates ask for the other one of its two terminators,
 * and a unix socket, when the worker that serves it has died; a cleartext port never is.
 */
function listenerGrants(need: ListenerNeed): PlannedGrant[] {
  const { kind, address, key } = need;
  const path = pathOf(need);
  const grant = (kind: PlannedGrant["kind"], value: string): PlannedGrant => {
    return { kind, value, key, for: "edge", optional: false };
  };
  if (path !== undefined) {
    const { directory, socket } = draftOf(path);
    // Connected to as well, to see whether another program serves it.
    const addresses = [UNIX + path, UNIX + socket].map((value) => grant("net", value));
    const files = [path, directory].flatMap((
      value,
    ) => [grant("read", value), grant("write", value)]);
    return [...addresses, ...files];
  }
  const bound = portOf(need).port === 0 ? address.slice(0, address.lastIndexOf(":")) : address;
  return [{ ...grant("net", bound), startOnly: kind === "tcp" }];
}

function keeper(kind: PlannedGrant["kind"], value: string, key: string): PlannedGrant {
  return { kind, value, key, for: "keeper", optional: false };
}

function optional(kind: PlannedGrant["kind"], value: string, key: string): PlannedGrant {
  return { kind, value, key, for: "keeper", optional: true };
}

/** A grant that only the start needs: everything is read, bound or opened by then. */
function once(grant: PlannedGrant): PlannedGrant {
  return { ...grant, startOnly: true };
}
