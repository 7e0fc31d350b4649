/**
 * Which files of a vhost with PHP are never sent as they are: source files, by whatever way the static
 * handler finds them, and also while PHP is switched off.
 *
 * @module
 */
import type { RouteScope } from "../../gateway/module.ts";
import type { FileRule } from "../web/edge.ts";
import type { PhpConfig } from "./schema.ts";
import { asciiLower, isBelow } from "./script/path.ts";

/** Extensions of PHP source that any of the usual configurations of php-fpm executes, and of its parts. */
const SOURCE_EXTENSIONS = [
  "php",
  "php3",
  "php4",
  "php5",
  "php7",
  "php8",
  "phps",
  "pht",
  "phtml",
  "phar",
];

/** Parts of source that are not executed; in the middle of a name it means other things. */
const INCLUDED = "inc";

/** The rule for one vhost. */
export interface PhpFileRule extends FileRule {
  /** Whether a file of this name, without its directory, is source. */
  isSource(name: string): boolean;
}

/** The rule for the static files of a scope, if its vhost has PHP anywhere. */
export function fileRule({ vhost }: RouteScope): PhpFileRule | undefined {
  const tables: PhpConfig[] = [vhost, ...vhost.routes].flatMap(({ php }) => php ?? []);
  if (tables.length === 0) return undefined;
  const extensions = new Set(SOURCE_EXTENSIONS);
  for (const { allowed_extensions } of tables) {
    for (const extension of allowed_extensions) extensions.add(asciiLower(extension));
  }
  const { static_deny_prefixes: denied = [], static_allow_prefixes: allowed = [] } =
    vhost.php?.enabled === true ? vhost.php : {};
  return {
    isSource: (name) => isSource(name, extensions),
    key: JSON.stringify(["php", [...extensions].sort(), denied, allowed]),
    forbids: (name) =>
      isSource(name.slice(name.lastIndexOf("/") + 1), extensions) ||
      denied.some((prefix) => isBelow(name, prefix)) ||
      (allowed.length > 0 && !allowed.some((prefix) => isBelow(name, prefix))),
  };
}

/** Whether a file is source, or a copy of it that an editor, a backup or a compressor has made. */
function isSource(name: string, extensions: ReadonlySet<string>): boolean {
  const parts = name.split(".").slice(1).map((part) => asciiLower(part.replace(/~.*$/, "")));
  return parts.at(-1) === INCLUDED || parts.some((part) => extensions.has(part));
}
