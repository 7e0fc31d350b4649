/**
 * The URL path of a script, which `SCRIPT_NAME` is: the leading part of the path that the client asked for
 * (RFC 3875 section 4.1.13), also where a route has stripped a prefix from it.
 *
 * @module
 */

/** What is read of a route. */
export interface Mount {
  readonly strip_prefix?: string | undefined;
  readonly rewrite_prefix?: string | undefined;
}

/** Gives the URL path of the script at `name` below the root; both are decoded. */
export type UrlName = (name: string) => string;

/** Compiles how the route, or the vhost for `undefined`, names its scripts. */
export function urlNames(route: Mount | undefined): UrlName {
  const prefix = withoutSlash(route?.strip_prefix ?? "");
  const served = withoutSlash(route?.rewrite_prefix ?? "");
  if (prefix === served) return (name) => name;
  return (name) => name.startsWith(served + "/") ? prefix + name.slice(served.length) : name;
}

function withoutSlash(prefix: string): string {
  return prefix.replace(/\/+$/, "");
}
