/**
 * The second selection of a route, on the decoded path (spec 02 section 4.4). Limits, access rules and
 * the auth service of `/admin` must hold for `/%61dmin` as well, although the route that answers is chosen
 * by the path as it was sent; and what is said of `/%C3%A9/` for `/%c3%a9/`.
 *
 * @module
 */
import { percentDecode } from "../../http/percent.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RouteMatch, RouteTable } from "./route_table.ts";

const SLASHES = /\/{2,}/g;

/**
 * The routes whose access rules are checked, and whose auth services are asked, as well as those of the
 * matched route; the rate, concurrency and body limits that hold are theirs. The matched route may be among
 * them. `undefined` where the path has one reading only.
 *
 * @param path As sent, and safe.
 * @param exchange For routes with `match`.
 */
export function policyRoutes(
  table: RouteTable,
  method: string,
  path: string,
  exchange?: Exchange,
): readonly RouteMatch[] | undefined {
  if (path.indexOf("%") < 0 && !table.hasEscapes) return undefined;
  const decoded = percentDecode(path);
  // A safe path decodes; one that does not has no second reading.
  if (decoded === undefined) return undefined;
  // Only `%2F` makes empty segments. Applications that decode it often read several slashes as one.
  const meant = decoded.includes("//") ? decoded.replaceAll(SLASHES, "/") : decoded;
  return table.guardsOf(method, meant, exchange);
}
