/**
 * Problems with the place they come from.
 *
 * @module
 */
import { formatKey } from "./key_path.ts";
import type { Origins } from "../read/origins.ts";
import { isTable, type Path, type Table } from "../schema/schema_walk.ts";
import type { Problem } from "../types.ts";

/** A problem with the key at `path` of a configuration that is still being checked. */
export function problemAt(
  root: Table,
  origins: Origins,
  path: Path,
  message: string,
  hint?: string,
): Problem {
  const { origin, path: written } = origins.locate(root, path);
  return {
    key: formatKey(written),
    message,
    hint,
    scope: scopeOf(root, origins, path),
    file: origin?.file,
    line: origin?.line,
  };
}

/** `vhost "shop", route "api"`, as far as `path` leads into one and a file gives it a name. */
function scopeOf(root: Table, origins: Origins, path: Path): string | undefined {
  const [list, index, inner, innerIndex] = path;
  if (list !== "vhosts" || typeof index !== "number") return undefined;
  const vhost = entry(root.vhosts, index);
  const route = inner === "routes" ? entry(vhost?.routes, Number(innerIndex)) : undefined;
  const parts = [];
  if (isNamed(vhost, origins)) parts.push(`vhost ${JSON.stringify(vhost.name)}`);
  if (isNamed(route, origins)) parts.push(`route ${JSON.stringify(route.name)}`);
  return parts.length === 0 ? undefined : parts.join(", ");
}

function isNamed(table: Table | undefined, origins: Origins): table is Table {
  return typeof table?.name === "string" && origins.get(table, "name") !== undefined;
}

function entry(list: unknown, index: number): Table | undefined {
  const found: unknown = Array.isArray(list) ? list[index] : undefined;
  return isTable(found) ? found : undefined;
}
