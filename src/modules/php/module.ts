/**
 * PHP by php-fpm: `[vhosts.php]` and `[vhosts.routes.php]` (spec 07).
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Grant, Module, Role } from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { adminOf } from "../admin/table.ts";
import { checkRoot, pageFault, rootGrants } from "../web/module.ts";
import { checkPhp } from "./checks.ts";
import { grantOf, servedBy } from "./fpm/endpoint.ts";
import { type ManagedFpm, managedOf } from "./managed/managed.ts";
import { KILL } from "./managed/kill.ts";
import { PROCESS_KEYS } from "./managed/process_keys.ts";
import { binaryFault } from "./managed/safety.ts";
import { sharedSecrets } from "./managed/secrets.ts";
import { type PhpConfig, phpSchema } from "./schema.ts";
import { type EnabledPhp, idleZone, permitZone, phpTables, uploadZone } from "./table.ts";
import { METRICS } from "./descriptions.ts";

export type { PhpConfig } from "./schema.ts";

/** Time for the service to end its programs: SIGQUIT, SIGTERM, SIGKILL. */
const STOP_MS = 25_000;

/** Where builds that are locked to a profile may have sockets of php-fpm, spool files and managed pools. */
const FIXED_DIRECTORIES = ["/run/php", "/var/lib/fluxheim/php"];
/** Programs that they may run: the distributions' own, and the one that signals a process group. */
const FIXED_PROGRAMS = [
  KILL,
  ...["8.1", "8.2", "8.3", "8.4"].map((version) => `/usr/sbin/php-fpm${version}`),
  "/usr/sbin/php-fpm",
  "/usr/local/sbin/php-fpm",
];

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "php-fpm",
  schema: [{
    table: "php",
    scopes: ["vhost", "route"],
    schema: phpSchema,
    reload: { reason: "managed-php-service-changed", view: managedPart },
  }],
  metrics: METRICS,
  manifest: { net: true, read: true, write: FIXED_DIRECTORIES, run: FIXED_PROGRAMS },
  check: checkPhp,

  threads: [{
    role: "php",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => [...managedTables(config)].length > 0,
    tables: ["vhosts.name", "vhosts.php", "vhosts.routes.name", "vhosts.routes.php"],
    startsBefore: "serving",
    whenLost: "replace",
    stopMs: STOP_MS,
    asks: [],
  }, {
    // The panel of the dashboard.
    role: "control",
    wanted: (config) => adminOf(config) !== undefined,
    tables: [],
    whenLost: "replace",
    asks: [],
  }],

  needs(config) {
    const net: Grant[] = [];
    const read: Grant[] = [];
    const write: Grant[] = [];
    const run: Grant[] = [];
    const zones: ZoneRequest<Role>[] = [];
    for (const { php, scope, key } of phpTables(config)) {
      read.push(...rootGrants(rootOf(php), `${key}.root`));
      php.error_pages.forEach(({ web }, i) => {
        read.push(...rootGrants(web, `${key}.error_pages[${i}].web.root`));
      });
      for (const { endpoint, key: name } of servedBy(php, scope)) {
        const grant = { key: `${key}.fpm.${name}`, for: "edge" } as const;
        net.push({ ...grant, value: grantOf(endpoint) });
        if (endpoint.kind !== "unix") continue;
        read.push({ ...grant, value: endpoint.path });
        write.push({ ...grant, value: endpoint.path });
      }
      const managed = managedOf(php, scope);
      if (managed !== undefined) addManaged(managed, `${key}.fpm`, { net, read, write, run });
      const spool = php.request_body_spool_dir;
      if (spool !== undefined) {
        const grant = { value: spool, key: `${key}.request_body_spool_dir`, for: "edge" } as const;
        read.push(grant, { ...grant, for: "keeper" });
        write.push(grant, { ...grant, for: "keeper" });
      }
      for (const name of [permitZone(scope), uploadZone(scope), idleZone(scope)]) {
        zones.push(zone(count, { name, roles: ["edge"] }));
      }
    }
    return { grants: { net, read, write, run }, zones };
  },

  async preflight(config, system) {
    const problems: Problem[] = [];
    for (const { managed, key } of managedTables(config)) {
      const fault = binaryFault(managed.fpm.php_fpm_binary);
      if (fault !== undefined) problems.push({ key: `${key}.php_fpm_binary`, message: fault });
      problems.push(...sharedSecrets(config, managed.fpm, key, system.uid));
    }
    for (const { php, key } of phpTables(config)) {
      problems.push(...await checkRoot(rootOf(php), `${key}.root`));
      if (php.request_body_spool_dir !== undefined) {
        problems.push(
          ...await checkSpool(php.request_body_spool_dir, `${key}.request_body_spool_dir`),
        );
      }
      for (const [i, { web, path }] of php.error_pages.entries()) {
        const wrong = await checkRoot(web, `${key}.error_pages[${i}].web.root`);
        const fault = wrong.length === 0 ? await pageFault(web, path) : undefined;
        problems.push(...wrong);
        if (fault === undefined) continue;
        const message = `${path} ${fault}: answers are replaced without it`;
        problems.push({ key: `${key}.error_pages[${i}].path`, message, warning: true });
      }
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};

/** Where scripts are, as the checks of static files take it. */
function rootOf({ root, resolve_root_symlink }: EnabledPhp) {
  return { root, symlinks: resolve_root_symlink ? "inside-root" : "refuse" } as const;
}

/** What a change of needs another process: what a php-fpm of the gateway's own was started with. */
function managedPart(table: unknown): unknown {
  const { enabled, fpm } = table as PhpConfig;
  if (!enabled || fpm.mode !== "managed") return undefined;
  return PROCESS_KEYS.map((key) => fpm[key]);
}

/** Every table in managed mode that has what it needs. */
function* managedTables(config: Config): Generator<{ managed: ManagedFpm; key: string }> {
  for (const { php, scope, key } of phpTables(config)) {
    const managed = managedOf(php, scope);
    if (managed !== undefined) yield { managed, key: `${key}.fpm` };
  }
}

/** What the service needs to run one php-fpm: that program, and its directories. */
function addManaged(
  { fpm, files }: ManagedFpm,
  key: string,
  { net, read, write, run }: Readonly<Record<"net" | "read" | "write" | "run", Grant[]>>,
): void {
  const role = { for: "php" } as const;
  const binary = { value: fpm.php_fpm_binary, key: `${key}.php_fpm_binary` };
  run.push({ ...binary, ...role }, { value: KILL, key: `${key}.mode`, ...role });
  read.push({ ...binary, ...role }, { ...binary, for: "keeper" });
  net.push({ value: `unix:${files.socket}`, key: `${key}.socket_dir`, ...role });
  for (const name of ["socket_dir", "session_save_path", "upload_tmp_dir"] as const) {
    const value = fpm[name];
    if (value === undefined) continue;
    read.push({ value, key: `${key}.${name}`, ...role });
    write.push({ value, key: `${key}.${name}`, ...role });
  }
}

const OTHERS_WRITE = 0o022;

/** Checks a directory for spool files that is there; a worker makes one that is missing. */
async function checkSpool(directory: string, key: string): Promise<Problem[]> {
  try {
    const { isDirectory, mode } = await Deno.lstat(directory);
    if (!isDirectory) return [{ key, message: `${directory} must be a directory` }];
    if (((mode ?? 0) & OTHERS_WRITE) === 0) return [];
    const message = `${directory} must not be writable by its group or by everyone`;
    return [{ key, message, hint: `run chmod go-w ${directory}` }];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    const reason = error instanceof Error ? error.message : String(error);
    return [{ key, message: `${directory} must be a directory: ${reason}` }];
  }
}
