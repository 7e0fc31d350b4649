/**
 * Answers, without serving, how a configuration would serve one request.
 *
 * @module
 */
import { readAuthority } from "../../http/authority.ts";
import { formatProblem, hasErrors } from "../../config/problems/problems.ts";
import type { Config, VhostConfig } from "../../config/types.ts";
import { Exchange } from "../../gateway/exchange/exchange.ts";
import { HostTable } from "../../gateway/route/host_table.ts";
import type { Files, Module } from "../../gateway/module.ts";
import { matchedRoutes } from "../../gateway/route/redirect.ts";
import { RouteTable } from "../../gateway/route/route_table.ts";
import type { Snapshot } from "../../gateway/snapshot.ts";
import type { Body } from "../../http/body.ts";
import type { TlsFacts } from "../../net/connection_facts.ts";
import type { RequestHead } from "../../http/h1/request_head.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { readRequestedFiles } from "../../runtime/reload/requested_files.ts";
import { Failure } from "../command.ts";
import { deploymentOf } from "../../runtime/deployment.ts";
import { buildSnapshot } from "../verbs/dry_run.ts";
import {
  chooseListener,
  type ListenerVerdict,
  type TakingListener,
  type Verdict,
} from "./listeners.ts";
import { type AskedRequest, readAsked } from "./request.ts";
import { type StepReport, Trace } from "./trace.ts";

/** What becomes of a request. */
export type Outcome =
  /** No listener takes it. */
  | { readonly kind: "unheard" }
  | { readonly kind: "refused"; readonly status: number; readonly cause: string }
  | {
    readonly kind: "answered";
    readonly status: number;
    /** Module that answers, or `gateway`. */
    readonly by: string;
    readonly detail: string;
    readonly fields: readonly (readonly [name: string, value: string])[];
  }
  | {
    readonly kind: "forwarded";
    readonly by: string;
    readonly detail: string;
    /** Head of the request that is sent on, line by line. */
    readonly sends: readonly string[];
  };

/** Everything there is to say about one request. */
export interface Explanation {
  readonly asked: AskedRequest;
  readonly listeners: readonly ListenerVerdict[];
  /** Empty when no listener takes the request, or its head is refused. */
  readonly vhosts: readonly Verdict[];
  /** Routes of the chosen vhost. */
  readonly routes: readonly Verdict[];
  /** Effective client address. */
  readonly clientAddress: string;
  readonly steps: readonly StepReport[];
  readonly outcome: Outcome;
}

/**
 * Explains what `config` does with a request.
 *
 * @throws {Failure} when it cannot be served: the files that it needs are not fit, say.
 */
export async function explain(
  config: Config,
  modules: readonly Module[],
  asked: AskedRequest,
): Promise<Explanation> {
  const trace = new Trace();
  const { files, problems } = await readRequestedFiles(deploymentOf(config, modules), modules);
  if (hasErrors(problems)) throw new Failure(problems.map(formatProblem).join("\n"));
  const snapshot = await built(config, trace.wrap(modules), files);
  try {
    return await explainBy(snapshot, trace, asked);
  } finally {
    await snapshot.stop();
  }
}

/** A snapshot, or in words why the configuration cannot be served. */
async function built(
  config: Config,
  modules: readonly Module[],
  files: Files,
): Promise<Snapshot> {
  try {
    return await buildSnapshot(config, modules, files);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`the configuration cannot be served: ${reason}`);
  }
}

async function explainBy(
  snapshot: Snapshot,
  trace: Trace,
  asked: AskedRequest,
): Promise<Explanation> {
  const { config } = snapshot;
  const tls = snapshot.listenerTls;
  const { taking, verdicts } = chooseListener(config, tls, asked);
  const nothing = { asked, listeners: verdicts, vhosts: [], routes: [], clientAddress: asked.from };
  if (taking === undefined) return { ...nothing, steps: [], outcome: { kind: "unheard" } };
  const { limits } = config.server;
  const read = readAsked(asked, {
    maxHeadBytes: limits.max_request_header_bytes,
    maxUriBytes: limits.max_uri_bytes,
    maxFields: limits.max_request_headers,
    strictTargets: limits.strict_targets,
  });
  if ("status" in read) {
    const { status, reason } = read;
    return { ...nothing, steps: [], outcome: { kind: "refused", status, cause: reason } };
  }
  const exchange = exchangeOf(read.head, asked, taking, tls);
  try {
    const plan = exchange.plan = snapshot.locate(exchange);
    if (plan !== undefined) await trace.run(exchange, plan);
    return {
      asked,
      listeners: verdicts,
      ...selection(config, exchange, plan !== undefined),
      clientAddress: exchange.clientAddress,
      steps: trace.reports,
      outcome: outcomeOf(exchange, trace),
    };
  } finally {
    if (!(exchange.responseBody instanceof Uint8Array)) exchange.responseBody?.cancel();
    exchange.releaseAll();
  }
}

function exchangeOf(
  head: RequestHead,
  asked: AskedRequest,
  listener: TakingListener,
  tls: TlsListenerSpec | undefined,
): Exchange {
  const exchange = new Exchange({
    // A program that connects to a unix socket has no address.
    peerAddress: listener.host === "" ? "" : asked.from,
    peerPort: 0,
    peerIsDirect: true,
    localAddress: listener.host,
    localPort: listener.port,
    listener: listener.name,
    tls: asked.scheme === "http" ? undefined : tlsFacts(asked, tls),
  });
  head.describe(exchange);
  if (head.framing !== "none") {
    exchange.requestBody = new AnnouncedBody(
      head.framing === "length" ? head.contentLength : undefined,
    );
  }
  return exchange;
}

/** Facts of a connection that was not made. A client shows a certificate only where it must. */
function tlsFacts(asked: AskedRequest, tls: TlsListenerSpec | undefined): TlsFacts {
  return {
    version: unknown("tls.version"),
    cipher: unknown("tls.cipher"),
    serverName: readAuthority(asked.authority)?.host ?? "",
    client: tls?.clientAuth !== "required" ? undefined : {
      sha256: unknown("tls.client_cert_sha256"),
      serial: unknown("tls.client_cert_serial"),
      organization: unknown("tls.client_cert_organization"),
    },
  };
}

/** Stands for a value in what an upstream is sent. */
function unknown(variable: string): string {
  return `(${variable}, known when a client connects)`;
}

/** A body of which only the length is known. */
class AnnouncedBody implements Body {
  readonly trailers = undefined;
  constructor(readonly length: number | undefined) {}
  read(): null {
    return null;
  }
  cancel(): void {}
}

/** Which vhost and route were chosen, and why not the others. */
function selection(
  config: Config,
  exchange: Exchange,
  routed: boolean,
): { vhosts: readonly Verdict[]; routes: readonly Verdict[] } {
  const { vhosts, server } = config;
  const { host, path, method, scope } = exchange;
  const table = new HostTable(vhosts, {
    defaultVhost: server.default_vhost,
    strict: server.host_routing.strict,
  });
  const kind = table.kind(host);
  const chosen = scope?.vhost;
  // A path that is refused as such never comes to the routes.
  const routes = chosen === undefined || !routed
    ? []
    : new RouteTable(matchedRoutes(chosen)).explain(method, path, exchange);
  return {
    vhosts: vhosts.map((vhost) => {
      const taken = vhost === chosen;
      const reason = taken ? `${kind} match of host "${host}"` : names(vhost);
      return { name: vhost.name, taken, reason };
    }),
    routes,
  };
}

/** Most host names shown of a vhost that does not take the request. */
const SHOWN_HOSTS = 4;

function names({ hosts }: VhostConfig): string {
  if (hosts.length === 0) return "names no host";
  const more = hosts.length > SHOWN_HOSTS ? ` and ${hosts.length - SHOWN_HOSTS} more` : "";
  return `names ${hosts.slice(0, SHOWN_HOSTS).join(", ")}${more}`;
}

function outcomeOf(exchange: Exchange, trace: Trace): Outcome {
  const { status, refusal, response } = exchange;
  if (refusal !== undefined && !exchange.hasErrorPage) {
    return { kind: "refused", status, cause: refusal.cause };
  }
  if (trace.forwarded !== undefined) {
    const { module, detail } = trace.forwarded;
    return { kind: "forwarded", by: module, detail, sends: trace.sends };
  }
  if (status === 0) return { kind: "refused", status: 404, cause: "nothing serves this path" };
  const answer = trace.reports.findLast((report) => report.verdict === "answers");
  return {
    kind: "answered",
    status,
    by: answer?.module ?? "gateway",
    detail: answer?.detail ?? "",
    fields: [...response],
  };
}
