/** Pages in place of answers that the gateway makes itself. @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { RouteScope, SnapshotContext, Step } from "../../gateway/module.ts";
import { errorPage, pageSite } from "./error_page.ts";
import { type StatusPage, statusPagesOf } from "./pages_table.ts";
import type { Site } from "./site.ts";

/** The `page` step of `scope`, if it has pages. */
export function pageStep(scope: RouteScope, snapshot: SnapshotContext): Step | undefined {
  const pages = new Map<number, { readonly path: string; readonly site: Site }>();
  for (const { statuses, path, web } of statusPagesOf(scope)) {
    if (web === undefined) continue;
    const page = { path, site: pageSite(snapshot, web) };
    for (const status of statuses) pages.set(status, page);
  }
  if (pages.size === 0) return undefined;
  return (exchange) => {
    const page = pages.get(exchange.status);
    if (page !== undefined) show(exchange, page);
  };
}

function show(
  exchange: Exchange,
  { path, site }: { readonly path: string; readonly site: Site },
): void {
  const page = errorPage(site, path);
  if (page === undefined) return;
  // How to log in, and when to come back, is not in the page.
  for (const [name, value] of exchange.refusal?.fields ?? []) page.fields.append(name, value);
  exchange.response = page.fields;
  exchange.responseBody = page.body;
  exchange.hasErrorPage = true;
}

/** For `fluxheim explain`. */
export function explainPages(scope: RouteScope, status: number): string | undefined {
  const page = statusPagesOf(scope).find(({ statuses }: StatusPage) => statuses.includes(status));
  return page && `the page ${page.path} below ${page.web?.root}`;
}
