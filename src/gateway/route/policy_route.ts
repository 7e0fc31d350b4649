/**
 * The second selection of a route, on the decoded path (spec 02 section 4.4). Limits, access rules and
 * the auth service of `/admin` must hold for `/%61dmin` as well, although the route that answers is chosen
 * by the path as it was sent; and what is said of `/%C3%A9/` for `/%c3%a9/`.
 *
 * @module
 */
import { percentDecode } from "../../http/percent.ts";
import type { RouteMatch, RouteTable } from "./route_table.ts";

/**
 * The route whose rate, concurrency and body limits hold. Its access rules are checked, and its auth
 * service is asked, as well as those of `route`.
 *
 * @param path As sent, and safe.
 * @param route What {@linkcode RouteTable.match} found for it.
 */
export function policyRoute(
  table: RouteTable,
  method: string,
  path: string,
  route: RouteMatch | undefined,
): RouteMatch | undefined {
  if (path.indexOf("%") < 0 && !table.hasEscapes) return route;
  const decoded = percentDecode(path);
  // A safe path decodes; one that does not has no second reading.
  if (decoded === undefined) return route;
  return table.matchDecoded(method, decoded) ?? route;
}
