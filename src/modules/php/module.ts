/**
 * PHP by php-fpm: `[vhosts.php]` and `[vhosts.routes.php]` (spec 07).
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Grant, Module, Role } from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { checkRoot, pageFault, rootGrants } from "../web/module.ts";
import { checkPhp } from "./checks.ts";
import { endpointsOf, grantOf } from "./endpoint.ts";
import { MANAGED_KEYS } from "./fpm_schema.ts";
import { type PhpConfig, phpSchema } from "./schema.ts";
import { type EnabledPhp, idleZone, permitZone, phpTables, uploadZone } from "./table.ts";

export type { PhpConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "php-fpm",
  schema: [{
    table: "php",
    scopes: ["vhost", "route"],
    schema: phpSchema,
    reload: { reason: "managed-php-service-changed", view: managedPart },
  }],
  manifest: { net: true, read: true },
  check: checkPhp,

  needs(config) {
    const net: Grant[] = [];
    const read: Grant[] = [];
    const write: Grant[] = [];
    const zones: ZoneRequest<Role>[] = [];
    for (const { php, scope, key } of phpTables(config)) {
      read.push(...rootGrants(rootOf(php), `${key}.root`));
      php.error_pages.forEach(({ web }, i) => {
        read.push(...rootGrants(web, `${key}.error_pages[${i}].web.root`));
      });
      for (const { endpoint, key: name } of endpointsOf(php.fpm)) {
        const grant = { key: `${key}.fpm.${name}`, for: "edge" } as const;
        net.push({ ...grant, value: grantOf(endpoint) });
        if (endpoint.kind !== "unix") continue;
        read.push({ ...grant, value: endpoint.path });
        write.push({ ...grant, value: endpoint.path });
      }
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
    return { grants: { net, read, write }, zones };
  },

  async preflight(config) {
    const problems: Problem[] = [];
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

/** What a change of needs another process: whatever a running php-fpm of the gateway's own was started with. */
function managedPart(table: unknown): unknown {
  const { enabled, fpm } = table as PhpConfig;
  if (!enabled || fpm.mode !== "managed") return undefined;
  return MANAGED_KEYS.map((key) => fpm[key]);
}

const OTHERS_WRITE = 0o022;

/** Makes the directory where it is missing; only its owner may write to it. */
async function checkSpool(directory: string, key: string): Promise<Problem[]> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const { isDirectory, mode } = await Deno.lstat(directory);
    if (!isDirectory) return [{ key, message: `${directory} must be a directory` }];
    if (((mode ?? 0) & OTHERS_WRITE) === 0) return [];
    const message = `${directory} must not be writable by its group or by everyone`;
    return [{ key, message, hint: `run chmod go-w ${directory}` }];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ key, message: `${directory} must be a directory that can be written to: ${reason}` }];
  }
}
