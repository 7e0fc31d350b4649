/**
 * Managed certificates at work: answers to HTTP-01 challenges on every listener, before any rule of access, redirect
 * or routing (spec 05 section 6.7), and what TLS listeners show.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Exchange, Step } from "../../gateway/exchange/exchange.ts";
import { IDLE } from "../../gateway/idle_module.ts";
import type {
  EdgeModule,
  EdgeServices,
  Files,
  RouteScope,
  RunningModule,
  SnapshotContext,
} from "../../gateway/module.ts";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import type { Plain } from "../../gateway/threads/thread.ts";
import { Fields } from "../../http/fields.ts";
import { certificatesIn, checkPair } from "../../net/tls/key_pair.ts";
import type { KeyPair, TlsListenerSpec } from "../../net/tls/spec.ts";
import { managedSource, showTimes } from "../tls/table.ts";
import { isToken } from "./storage_names.ts";
import { acmeOf, shownPairs } from "./table.ts";

const PREFIX = "/.well-known/acme-challenge/";
/** Most answers that a worker holds; the service is asked for what it does not. */
const MAX_ANSWERS = 4096;
/** Longest wait for the service, which looks at its disk. */
const LOOK_MS = 5_000;
/** The largest of a handshake's time limits holds, and this one must not. */
const NO_LIMIT_MS = 2 ** 31;

const encoder = new TextEncoder();

const WRONG_METHOD: Refusal = {
  status: 405,
  text: "",
  cause: "method",
  fields: [["allow", "GET, HEAD"]],
};
const UNREADABLE: Refusal = { status: 500, text: "", cause: "acme_store" };

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "acme-client",
  open: (worker) => new EdgeChallenges(worker),
};

class EdgeChallenges {
  readonly #answers = new Map<string, Uint8Array>();
  /** Pairs that were fit when they were last read: what is read amid an install may not be. */
  readonly #fit = new Map<string, KeyPair>();
  readonly #worker: EdgeServices;

  constructor(worker: EdgeServices) {
    this.#worker = worker;
  }

  start(context: SnapshotContext): RunningModule {
    const { config } = context;
    if (acmeOf(config) === undefined) return IDLE;
    const listenerTls = this.#listenerTls(context);
    return {
      ...IDLE,
      ...(listenerTls === undefined ? {} : { listenerTls }),
      plan: (scope) => {
        // Another host runs the client for this vhost.
        if (scope.vhost.routes.some(({ madeOf }) => madeOf === "acme_challenge")) return undefined;
        return { access: this.#answer(scope) };
      },
      explain: (_, { path }, phase) =>
        phase === "access" && path.startsWith(PREFIX)
          ? "a challenge of an ACME issuer: answered where its token is known"
          : undefined,
    };
  }

  /** The service has begun to prove a name, or has ended to. */
  onCall(message: Plain): Plain {
    const { token, answer } = message as { token?: unknown; answer?: unknown };
    if (typeof token !== "string" || !isToken(token)) throw new Error("no token");
    if (typeof answer === "string" && this.#answers.size < MAX_ANSWERS) {
      this.#answers.set(token, encoder.encode(answer));
    } else {
      this.#answers.delete(token);
    }
    return null;
  }

  #answer({ config, vhost }: RouteScope): Step {
    const source = managedSource(config, vhost);
    const store = source === undefined ? null : config.vhosts[source].name;
    return (exchange) => {
      const { path } = exchange;
      if (!path.startsWith(PREFIX)) return;
      const token = path.slice(PREFIX.length);
      const known = this.#answers.get(token);
      if (known !== undefined) return answer(exchange, known);
      if (store === null || !isToken(token)) return;
      return this.#ask(exchange, store, token);
    };
  }

  /** The companion and other gateways have theirs on disk alone, and a new worker has none in its memory. */
  async #ask(exchange: Exchange, vhost: string, token: string): Promise<void> {
    const service = this.#worker.service("acme");
    const outcome = await service.call("challenge", { vhost, token }, LOOK_MS);
    if (exchange.aborted) return;
    if (outcome.kind === "unavailable") return;
    if (typeof outcome.value === "string") answer(exchange, encoder.encode(outcome.value));
    else if (outcome.value === false) refuse(exchange, UNREADABLE);
    // Not ours: a client on the upstream's side may know it.
  }

  #listenerTls({ config, files, metrics, log }: SnapshotContext): TlsListenerSpec | undefined {
    const pairs: KeyPair[] = [];
    const names: [string, number][] = [];
    let fallback: number | undefined;
    for (const shown of shownPairs(config)) {
      const read = pairIn(files, shown);
      const id = `${shown.certPath}\0${shown.keyPath}`;
      const pair = read ?? this.#fit.get(id);
      if (pair === undefined) {
        log.log("debug", "fluxheim", `${shown.key} has no certificate yet`);
        continue;
      }
      this.#fit.set(id, pair);
      const index = pairs.push(pair) - 1;
      for (const host of shown.hosts) names.push([host, index]);
      if (shown.isFallback) fallback = index;
      if (metrics !== NO_METRICS) {
        const [leaf] = certificatesIn(encoder.encode(pair.cert));
        showTimes(leaf, shown.key, metrics);
      }
    }
    return pairs.length === 0 ? undefined : ownPart(config, { pairs, names, fallback });
  }
}

/** What is to be joined with the part of the TLS module, which has the rules. */
function ownPart(
  config: Config,
  material: Pick<TlsListenerSpec["material"], "pairs" | "names" | "fallback">,
): TlsListenerSpec {
  return {
    material: { ...material, clientRoots: undefined },
    alpn: [],
    minVersion: "TLSv1.2",
    clientAuth: "off",
    needsFacts: false,
    fastListener: config.tls?.fast_listener === true,
    handshakeTimeoutMs: NO_LIMIT_MS,
  };
}

function pairIn(
  files: Files,
  { certPath, keyPath }: { readonly certPath: string; readonly keyPath: string },
): KeyPair | undefined {
  const cert = files.get(certPath);
  const key = files.get(keyPath);
  if (cert === undefined || key === undefined) return undefined;
  return checkPair(cert, key, [], Date.now()).pair;
}

/** Spec 05 section 6.7. */
function answer(exchange: Exchange, keyAuthorization: Uint8Array): void {
  const { method } = exchange;
  if (method !== "GET" && method !== "HEAD") return refuse(exchange, WRONG_METHOD);
  const fields = new Fields();
  fields.append("content-type", "text/plain");
  fields.append("cache-control", "no-store");
  fields.append("content-length", String(keyAuthorization.length));
  exchange.status = 200;
  exchange.response = fields;
  exchange.responseBody = keyAuthorization;
}
