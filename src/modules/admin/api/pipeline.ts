/**
 * The checks that a request passes before an endpoint sees it, in the order of spec 06 part A2, and those of the
 * ops socket (A4).
 *
 * @module
 */
import type { ServiceContext } from "../../../gateway/threads/service.ts";
import type { HttpExchange } from "../../../http/exchange.ts";
import { splitAuthority } from "../../../http/authority.ts";
import { type HostRule, isOwnHost } from "../../control/control.ts";
import { answerFault, answerHealth, answerOutcome, refuse } from "./answers.ts";
import { certificateRefusal, type Token } from "./credentials.ts";
import { type Dashboard, isPage } from "../dashboard/assets.ts";
import type { Endpoint } from "./endpoint.ts";
import { Inputs } from "./inputs.ts";
import { askKeeper } from "./own_endpoints.ts";
import type { Router } from "./router.ts";
import type { EnabledAdmin } from "../table.ts";
import type { Scope, Throttle } from "./throttle.ts";

/** Most bytes of a path. */
export const MAX_PATH_BYTES = 2048;
/** Most bytes of a query. */
export const MAX_QUERY_BYTES = 16 * 1024;
/** Most bytes of a body that is received; none is looked at. */
const MAX_BODY_BYTES = 1024 * 1024;

/** What requests are judged by. */
export interface Judges {
  readonly context: ServiceContext;
  readonly admin: EnabledAdmin;
  readonly token: Token;
  readonly throttle: Throttle;
  readonly router: Router;
  /** Where it is on. */
  readonly dashboard: Dashboard | undefined;
}

/** Answers a request of the TCP listener. */
export function answerAdmin(
  exchange: HttpExchange,
  rule: HostRule,
  judges: Judges,
): void | Promise<void> {
  const { admin, dashboard } = judges;
  const path = pathOf(exchange);
  exchange.bodyLimit = MAX_BODY_BYTES;
  if (path.length > MAX_PATH_BYTES) return refuse(exchange, 414, "path_too_large");
  if (!isOwnHost(exchange, rule)) return refuse(exchange, 421, "host_not_allowed");
  // A link may lead to the page; what it then asks for is its own.
  if (dashboard !== undefined && isPage(path)) return answerDashboard(exchange, path, judges);
  if (isForeign(exchange)) return refuse(exchange, 403, "cross_site_request");
  if (dashboard?.has(path) === true) return answerDashboard(exchange, path, judges);
  const isHealth = path === admin.self_healing.health_path;
  if (isHealth && admin.health.unauthenticated) return health(exchange, admin);
  if (!isLetIn(exchange, judges)) return;
  return letIn(exchange, path, isHealth, judges);
}

/** Files without data, for everyone but who is locked out. */
function answerDashboard(exchange: HttpExchange, path: string, judges: Judges): void {
  const { peerAddress } = exchange.connection;
  const lockout = judges.throttle.lockout(peerAddress);
  if (lockout !== undefined) {
    note(judges, "throttled", lockout.scope, peerAddress);
    return lockOut(exchange, lockout.secs);
  }
  if (exchange.method !== "GET" && exchange.method !== "HEAD") {
    return refuse(exchange, 405, "method_not_allowed");
  }
  judges.dashboard?.answer(exchange, path);
}

async function letIn(
  exchange: HttpExchange,
  path: string,
  isHealth: boolean,
  judges: Judges,
): Promise<void> {
  const { admin, router, context } = judges;
  // What is overdue is gone back on before anything is looked at or changed.
  if (admin.self_healing.enabled) await askKeeper(context, "admin.enforce");
  if (isHealth) return health(exchange, admin);
  if ((exchange.query?.length ?? 0) > MAX_QUERY_BYTES) {
    return refuse(exchange, 414, "query_too_large");
  }
  const route = router.find(exchange.method, path);
  if (route.kind === "not_found") return refuse(exchange, 404, route.kind);
  if (route.kind === "method_not_allowed") return refuse(exchange, 405, route.kind);
  await ask(exchange, route.endpoint, context);
}

/** Answers a request of the ops socket, which can only be read. */
export function answerOps(exchange: HttpExchange, judges: Judges): void | Promise<void> {
  const { admin, token, router, context } = judges;
  const path = pathOf(exchange);
  exchange.bodyLimit = MAX_BODY_BYTES;
  if (path.length > MAX_PATH_BYTES) return refuse(exchange, 414, "path_too_large");
  if ((exchange.query?.length ?? 0) > MAX_QUERY_BYTES) {
    return refuse(exchange, 414, "query_too_large");
  }
  if (exchange.method !== "GET") return refuse(exchange, 405, "method_not_allowed");
  const endpoint = router.findOps(path);
  const needsToken = admin.ops_socket.require_bearer_token || endpoint?.ops === "token";
  if (needsToken && !token.isIn(exchange)) return refuse(exchange, 401, "unauthorized");
  if (path === admin.self_healing.health_path) return health(exchange, admin);
  if (endpoint === undefined) return refuse(exchange, 404, "not_found");
  return ask(exchange, endpoint, context);
}

async function ask(
  exchange: HttpExchange,
  endpoint: Endpoint,
  context: ServiceContext,
): Promise<void> {
  let fault: string | undefined;
  try {
    fault = answerOutcome(exchange, await endpoint.answer(new Inputs(exchange), context));
  } catch (error) {
    fault = error instanceof Error ? error.stack ?? error.message : String(error);
    answerFault(exchange);
  }
  if (fault === undefined) return;
  context.log.log("error", "fluxheim", `${endpoint.method} ${endpoint.path} failed: ${fault}`);
}

function health(exchange: HttpExchange, { health }: EnabledAdmin): void {
  if (exchange.method !== "GET") return refuse(exchange, 405, "method_not_allowed");
  answerHealth(exchange, health.response);
}

/** Throttle, client certificate and token; a request that is not let in has its answer. */
function isLetIn(exchange: HttpExchange, judges: Judges): boolean {
  const { admin, token, throttle } = judges;
  const { peerAddress } = exchange.connection;
  const lockout = throttle.lockout(peerAddress);
  if (lockout !== undefined) {
    note(judges, "throttled", lockout.scope, peerAddress);
    lockOut(exchange, lockout.secs);
    return false;
  }
  const certificate = certificateRefusal(exchange, admin.client_certificate);
  if (certificate !== undefined) {
    failed(exchange, judges, 403, certificate);
    return false;
  }
  if (!token.isIn(exchange)) {
    failed(exchange, judges, 401, "unauthorized");
    return false;
  }
  throttle.succeed(peerAddress);
  return true;
}

function failed(exchange: HttpExchange, judges: Judges, status: number, code: string): void {
  const { throttle } = judges;
  const { peerAddress } = exchange.connection;
  const started = throttle.fail(peerAddress);
  note(judges, "failure", started === "global" ? "global" : "source", peerAddress, code);
  if (started === undefined) {
    refuse(exchange, status, code);
    if (status === 401) exchange.response.append("www-authenticate", "Bearer");
    return;
  }
  note(judges, "throttled", started, peerAddress);
  lockOut(exchange, throttle.lockout(peerAddress)?.secs ?? 1);
}

function lockOut(exchange: HttpExchange, secs: number): void {
  refuse(exchange, 429, "admin_auth_throttled");
  exchange.response.append("retry-after", String(secs));
}

function note(
  { context: { metrics, log } }: Judges,
  event: "failure" | "throttled",
  scope: Scope,
  peer: string,
  code = "admin_auth_throttled",
): void {
  metrics.counter("fluxheim_admin_auth_events_total", { event, scope }).count();
  log.log("warn", "fluxheim::security", `admin ${event} (${scope}) from ${peer}: ${code}`);
}

/**
 * Whether a page of another site has made a browser send this. Nothing here is for pages of others, and other
 * ports of the same host are others.
 */
function isForeign({ request, authority }: HttpExchange): boolean {
  const site = request.get("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const origin = request.get("origin");
  if (origin === undefined) return false;
  const host = /^https?:\/\/(.*)$/.exec(origin)?.[1];
  const [its, own] = [host, authority].map((text) => text === undefined ? undefined : parts(text));
  return its === undefined || its !== own;
}

function parts(authority: string): string | undefined {
  const split = splitAuthority(authority);
  return split === undefined ? authority : `${split.host}:${split.port}`;
}

/** Without what a client that knows no better sends of the fragment. */
function pathOf({ path }: HttpExchange): string {
  const at = path.indexOf("#");
  return at < 0 ? path : path.slice(0, at);
}
