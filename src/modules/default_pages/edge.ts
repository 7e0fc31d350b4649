/** Default pages at work. @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { EdgeModule } from "../../gateway/module.ts";
import { defaultPage } from "./pages.ts";

/** A page that runs no script, loads nothing, and is shown in no frame. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Refusals whose text is not the gateway's: it is passed on as it is. */
const OTHERS_TEXT = "auth_request";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "default-pages",
  open: () => ({
    start: ({ config }) => {
      const isOn = config.server.default_pages !== false;
      return { plan: () => isOn ? { refusal: showPage } : undefined, stop() {} };
    },
  }),
};

/** Puts the page in place of the text; status and other fields stay. */
function showPage(exchange: Exchange): void {
  const { refusal, response } = exchange;
  if (refusal === undefined || !acceptsHtml(exchange)) return;
  if (refusal.cause === OTHERS_TEXT && refusal.text !== "") return;
  const page = defaultPage(exchange.status);
  if (page === undefined) return;
  response.set("content-type", "text/html; charset=utf-8");
  response.set("cache-control", "no-store");
  response.delete("content-length");
  response.set("content-security-policy", POLICY);
  response.set("x-content-type-options", "nosniff");
  exchange.responseBody = page;
}

/** Browsers name the type in every navigation, and other programs hardly ever do. */
function acceptsHtml({ request }: Exchange): boolean {
  return request.joined("accept")?.toLowerCase().includes("text/html") === true;
}
