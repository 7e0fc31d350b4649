/**
 * Sends cleartext requests to HTTPS (spec 01 section 2.5, spec 02 section 3.3).
 *
 * @module
 */
import { hasControl } from "../../config/read/text.ts";
import type { RouteScope, Step } from "../module.ts";
import { redirect } from "./redirect.ts";
import { type Refusal, refuse } from "../exchange/refusal.ts";

const HTTPS_PORT = 443;

const NO_HOST: Refusal = {
  status: 400,
  text: "missing or invalid host",
  cause: "https_redirect",
};

/** What is read of a scope. */
export interface HttpsRedirectScope {
  readonly config: { readonly server: Pick<RouteScope["config"]["server"], "https_redirect"> };
  readonly route:
    | Pick<NonNullable<RouteScope["route"]>, "https_redirect_exempt" | "redirect">
    | undefined;
}

/** The step that redirects, or `undefined` where cleartext requests are served. */
export function compileHttpsRedirect({ config, route }: HttpsRedirectScope): Step | undefined {
  const { enabled, status, target_port: port } = config.server.https_redirect;
  // A redirect route says itself where to go.
  const exempt = route !== undefined &&
    (route.https_redirect_exempt || route.redirect !== undefined);
  if (!enabled || exempt) return undefined;
  const suffix = port === undefined || port === HTTPS_PORT ? "" : `:${port}`;
  return (exchange) => {
    if (exchange.connection.tls !== undefined) return;
    const { host, target } = exchange;
    if (host === "" || !target.startsWith("/") || hasControl(target)) {
      refuse(exchange, NO_HOST);
      return;
    }
    const name = host.includes(":") ? `[${host}]` : host;
    redirect(exchange, status, `https://${name}${suffix}${target}`);
  };
}
