/** Pages at work: in place of the gateway's own answers when an upstream fails (spec 02 section 7.6). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { EdgeModule, RunningModule, SnapshotContext, Steps } from "../../gateway/module.ts";
import { errorPage, pageSite } from "../web/edge.ts";
import { pagesIn } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "error-pages",
  open: () => ({ start: running }),
};

/** A page with the site that it is read from. */
interface Page {
  readonly status: number;
  readonly path: string;
  readonly site: ReturnType<typeof pageSite>;
}

function running(snapshot: SnapshotContext): RunningModule {
  return {
    plan(scope): Steps | undefined {
      const pages = pagesIn(scope).map(({ status, path, web }): Page => {
        return { status, path, site: pageSite(snapshot, web) };
      });
      if (pages.length === 0) return undefined;
      return { failure: (exchange) => replace(exchange, pages) };
    },
    stop() {},
  };
}

/** Puts the page for the answer's status in its place, if there is one that can be read. */
function replace(exchange: Exchange, pages: readonly Page[]): void {
  // One that is closer to what failed: of PHP.
  if (exchange.hasErrorPage) return;
  const entry = pages.find(({ status }) => status === exchange.status);
  if (entry === undefined) return;
  const page = errorPage(entry.site, entry.path);
  if (page === undefined) return;
  exchange.response = page.fields;
  exchange.responseBody = page.body;
  exchange.hasErrorPage = true;
}
