/**
 * Redirects: a route's `redirect` action, and a vhost's, which comes after all of its routes (spec 02
 * sections 2.3 and 5).
 *
 * @module
 */
import {
  type Capture,
  parseTemplate,
  type RedirectPart,
} from "../../config/schema/templates/redirect_template.ts";
import type { RouteConfig, VhostConfig } from "../../config/types.ts";
import { Fields } from "../../http/fields.ts";
import type { Captures, Exchange } from "../exchange/exchange.ts";
import type { Step } from "../module.ts";
import { type Refusal, refuse } from "../exchange/refusal.ts";

/** Name of the route that stands for `[vhosts.redirect]` in logs and metrics. */
const VHOST_REDIRECT_ROUTE = "vhost-redirect";

const INVALID_TARGET: Refusal = {
  status: 400,
  text: "invalid redirect target",
  cause: "redirect",
};

/** Makes a redirect the answer of `exchange`. */
export function redirect(exchange: Exchange, status: number, location: string): void {
  const fields = new Fields();
  fields.append("location", location);
  // Said to HEAD too (spec 02 section 3.4).
  fields.append("content-length", "0");
  exchange.status = status;
  exchange.response = fields;
  exchange.responseBody = undefined;
}

/** The step that answers by a target template; it takes every method. */
export function compileRedirect(action: { readonly to: string; readonly status: number }): Step {
  const parts = parseTemplate(action.to);
  const { status } = action;
  return (exchange) => {
    const location = expand(parts, exchange);
    // Browsers take what two slashes begin for a host: a capture must not make one.
    if (isClean(location) && !location.startsWith("//")) redirect(exchange, status, location);
    else refuse(exchange, INVALID_TARGET);
  };
}

/**
 * The routes of a vhost as they are matched: those of the file, and behind them one for an enabled
 * `[vhosts.redirect]`.
 */
export function matchedRoutes(vhost: VhostConfig): readonly RouteConfig[] {
  const action = vhost.redirect;
  if (action === undefined || !action.enabled || action.to === undefined) return vhost.routes;
  const { to, status } = action;
  return [...vhost.routes, {
    name: VHOST_REDIRECT_ROUTE,
    fallback: true,
    methods: [],
    https_redirect_exempt: false,
    encoded_slashes: false,
    redirect: { to, status },
  }];
}

function expand(parts: readonly RedirectPart[], exchange: Exchange): string {
  let location = "";
  for (const part of parts) {
    switch (part.kind) {
      case "text":
        location += part.text;
        break;
      case "uri":
        location += exchange.target;
        break;
      case "path":
        location += exchange.path;
        break;
      case "query":
        location += exchange.query ?? "";
        break;
      case "host":
        location += exchange.host.includes(":") ? `[${exchange.host}]` : exchange.host;
        break;
      case "capture":
        location += captured(part.capture, exchange.captures);
    }
  }
  return location;
}

/** As it is in the path that was sent, which is a piece of a URL already; empty where nothing was captured. */
function captured(capture: Capture, captures: Captures | undefined): string {
  return (capture.kind === "index"
    ? captures?.byIndex[capture.index]
    : captures?.byName.get(capture.name)) ?? "";
}

/** Whether nothing is in `text` that a client could use to break out of the target. */
function isClean(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Controls and space, DEL and C1 controls, `\`.
    if (code <= 32 || (code >= 127 && code <= 160) || code === 92) return false;
  }
  return true;
}
