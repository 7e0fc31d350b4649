/** Where error pages are allowed. @module */
import type { RouteScope } from "../../gateway/module.ts";
import { proxyOf } from "../proxy/table.ts";
import type { ErrorPages } from "./schema.ts";

/** The pages of a scope's own proxy block. */
export function pagesIn(scope: RouteScope): ErrorPages {
  return proxyOf(scope)?.error_pages ?? [];
}
