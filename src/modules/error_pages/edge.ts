/** Pages at work: in place of the gateway's own answers when an upstream fails (spec 02 section 7.6). @module */
import type { Exchange } from "../../gateway/exchange.ts";
import type { EdgeModule, RunningModule, Steps } from "../../gateway/module.ts";
import { errorPage } from "../web/edge.ts";
import type { ErrorPages } from "./schema.ts";
import { pagesIn } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "error-pages",
  start: () => Promise.resolve(RUNNING),
};

const RUNNING: RunningModule = {
  plan(scope): Steps | undefined {
    const pages = pagesIn(scope);
    if (pages.length === 0) return undefined;
    return { failure: (exchange) => replace(exchange, pages) };
  },
  stop() {},
};

/** Puts the page for the answer's status in its place, if there is one that can be read. */
function replace(exchange: Exchange, pages: ErrorPages): void {
  const entry = pages.find(({ status }) => status === exchange.status);
  if (entry === undefined) return;
  const page = errorPage(entry.web, entry.path);
  if (page === undefined) return;
  exchange.response = page.fields;
  exchange.responseBody = page.body;
  exchange.hasErrorPage = true;
}
